//! The dashboard and the alerts of `dist/`, with a real Prometheus that watches a real daemon (CTL-5).

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::control::free_address;
use crate::world::{World, flac, root};

/// A Prometheus of the test's own. Ends when dropped.
struct Prometheus {
    address: SocketAddr,
    process: Child,
}

impl Prometheus {
    /// Watches the daemon at `target` every second, with the alerts of `dist/`.
    fn start(world: &World, target: SocketAddr) -> Self {
        let (dir, address) = (world.path().join("prometheus"), free_address());
        fs::create_dir(&dir).unwrap();
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: ['{}']\n\
             scrape_configs: [{{job_name: musicfs, static_configs: [{{targets: ['{target}']}}]}}]\n",
            dist("prometheus/alerts.yml").display()
        );
        fs::write(dir.join("prometheus.yml"), config).unwrap();
        let log = fs::File::create(dir.join("log")).unwrap();
        let process = Command::new("prometheus")
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg(format!("--web.listen-address={address}"))
            .current_dir(&dir)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { address, process }
    }

    /// What the API answers; null while it does not.
    fn ask(&self, path: &str, form: &str) -> Value {
        let asked = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(self.address)?;
            // HTTP/1.0, so that the answer comes in one piece.
            write!(
                stream,
                "{} /api/v1/{path} HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                 Content-Length: {}\r\n\r\n{form}",
                if form.is_empty() { "GET" } else { "POST" },
                form.len()
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let answer = asked().unwrap_or_default();
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
        let body: Value = serde_json::from_str(body.unwrap_or_default()).unwrap_or_default();
        assert_ne!(body["status"], "error", "{form}: {body}");
        body["data"].clone()
    }

    /// The series that an expression gives now.
    fn query(&self, expression: &str) -> Vec<Value> {
        let escaped: String = expression
            .bytes()
            .map(|byte| format!("%{byte:02x}"))
            .collect();
        let answer = self.ask("query", &format!("query={escaped}"));
        answer["result"].as_array().cloned().unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn dist(path: &str) -> PathBuf {
    root().join("dist").join(path)
}

/// False where only the tests were copied to, not the checkout.
fn checked_out() -> bool {
    root().join("Cargo.toml").exists()
}

/// The names of MusicFS's metrics in an expression.
fn metrics(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("musicfs_") || word.starts_with("process_"))
}

/// Every expression of the dashboard, with its variables as Grafana would fill them in.
fn dashboard() -> Vec<String> {
    let text = fs::read_to_string(dist("grafana/musicfs.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array());
    let expressions = targets.flatten().map(|target| {
        let expression = target["expr"].as_str().unwrap();
        let expression = expression.replace("$__rate_interval", "30s");
        expression.replace("$instance", ".*")
    });
    expressions.collect()
}

#[test]
fn every_expression_of_the_dashboard_and_the_alerts_has_data() {
    if !checked_out() {
        return;
    }
    let address = free_address();
    let mut world = World::new();
    let config = world.path().join("config.toml");
    // Nobody listens for the webhook.
    let webhook = format!("name = \"w\"\nurl = \"http://{}/\"\n", free_address());
    let text = format!("metrics.listen = \"{address}\"\n[[webhooks]]\n{webhook}retries = 0\n");
    fs::write(&config, text).unwrap();
    fs::write(world.music().join("a.flac"), flac(1, &[("TITLE", "Song")])).unwrap();
    world.start_with(&["--config", config.to_str().unwrap()]);
    let prometheus = Prometheus::start(&world, address);

    let dashboard = dashboard();
    assert!(dashboard.len() > 20);
    for expression in dashboard {
        world.until(&format!("there is {expression}"), |world| {
            drop(world.tree());
            !prometheus.query(&expression).is_empty()
        });
    }

    let known = prometheus.ask("label/__name__/values", "");
    let known: BTreeSet<&str> = known
        .as_array()
        .unwrap()
        .iter()
        .flat_map(Value::as_str)
        .collect();
    world.until("every rule was looked at", |_| {
        let rules = prometheus.ask("rules", "");
        let rules = rules["groups"][0]["rules"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let healthy = |rule: &Value| rule["health"] == "ok";
        assert!(
            rules.iter().all(|rule| rule["health"] != "err"),
            "{rules:?}"
        );
        for rule in &rules {
            let expression = rule["query"].as_str().unwrap();
            for metric in metrics(expression) {
                assert!(known.contains(metric), "no {metric}, as {expression} asks");
            }
        }
        !rules.is_empty() && rules.iter().all(healthy)
    });
    assert!(
        prometheus
            .query("ALERTS{alertname='MusicFSDown'}")
            .is_empty(),
        "what runs is up"
    );
    world.kill();
    world.until("its end is noticed", |_| {
        !prometheus
            .query("ALERTS{alertname='MusicFSDown'}")
            .is_empty()
    });
}

#[test]
fn alerts_come_when_they_should_and_are_explained() {
    if !checked_out() {
        return;
    }
    for arguments in [
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
    ] {
        let output = Command::new("promtool")
            .args(arguments)
            .current_dir(dist("prometheus"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let rules = fs::read_to_string(dist("prometheus/alerts.yml")).unwrap();
    let guide = fs::read_to_string(root().join("docs/OPERATIONS.md")).unwrap();
    let tested = fs::read_to_string(dist("prometheus/alerts_test.yml")).unwrap();
    let names = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    for name in names {
        assert!(
            guide.contains(name),
            "docs/OPERATIONS.md does not tell of {name}"
        );
        let short = name.trim_start_matches("MusicFS");
        assert!(tested.contains(short), "{name} is not tested");
    }
    assert_eq!(
        rules.matches("- alert: ").count(),
        rules.matches("runbook: ").count()
    );
}
