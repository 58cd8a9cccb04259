//! `musicfs origin health`.

use proto::v1;
use proto::v1::OriginHealth;

use super::super::context::Context;
use crate::control::{json, received};
use crate::report::{Kind, Report, Result};

/// Has the origins checked, and tells how they are. [`Kind::Origin`] where one does not answer,
/// [`Kind::Failed`] where one answers badly.
pub(super) async fn run(context: &Context, id: String) -> Result<()> {
    let client = context.connect().await?;
    let request = v1::GetOriginHealthRequest { id };
    let answer = client.origins().get_origin_health(request).await;
    let origins = answer
        .map_err(|status| received(&status))?
        .into_inner()
        .origins;
    let mut out = context.output();
    if context.json() {
        let origins: Vec<_> = origins.iter().map(json::origin).collect();
        out.json(&serde_json::json!({ "origins": origins }))?;
    } else {
        let rows: Vec<[String; 4]> = origins.iter().map(row).collect();
        out.table(&rows)?;
    }
    out.end()?;
    verdict(&origins)
}

/// An origin in four columns: id, health, how long the check took, what is wrong.
fn row(origin: &v1::Origin) -> [String; 4] {
    let latency = origin.latency.as_ref().map(json::secs);
    let median = origin.median_latency.as_ref().map(json::secs);
    let shown = |secs: f64| format!("{:.1} ms", secs * 1_000.0);
    let times = match (latency, median) {
        (Some(last), Some(median)) => format!("{}, usually {}", shown(last), shown(median)),
        (last, _) => last.map_or_else(String::new, shown),
    };
    [
        format!("  {}", origin.id),
        json::health(origin.health()).to_owned(),
        times,
        origin.message.clone(),
    ]
}

fn verdict(origins: &[v1::Origin]) -> Result<()> {
    let of = |wanted: &[OriginHealth]| -> Vec<&str> {
        let those = origins.iter().filter(|it| wanted.contains(&it.health()));
        those.map(|origin| &*origin.id).collect()
    };
    let (silent, degraded) = (
        of(&[OriginHealth::Unhealthy, OriginHealth::Unspecified]),
        of(&[OriginHealth::Degraded]),
    );
    if !silent.is_empty() {
        let message = format!("no answer from {}", silent.join(", "));
        return Err(Report::new(Kind::Origin, message)
            .hint("why, it says above; its tracks are shown, and can be read again once that is put right"));
    }
    if !degraded.is_empty() {
        let message = format!("not all is well with {}", degraded.join(", "));
        return Err(Report::new(Kind::Failed, message)
            .hint("once that is put right, `musicfs origin rescan` looks at all of it again"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_health_decides() {
        let origins = |healths: &[OriginHealth]| -> Vec<v1::Origin> {
            let origin = |health: &OriginHealth| v1::Origin {
                id: "a".to_owned(),
                health: (*health).into(),
                ..v1::Origin::default()
            };
            healths.iter().map(origin).collect()
        };
        use OriginHealth::{Degraded, Healthy, Unhealthy};
        let kind = |healths: &[OriginHealth]| verdict(&origins(healths)).err().map(|it| it.kind());
        assert_eq!(kind(&[]), None);
        assert_eq!(kind(&[Healthy]), None);
        assert_eq!(kind(&[Healthy, Degraded]), Some(Kind::Failed));
        assert_eq!(kind(&[Degraded, Unhealthy]), Some(Kind::Origin));
    }
}
