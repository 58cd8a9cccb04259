//! `musicfs shutdown`.

use std::time::{Duration, Instant};

use clap::Args;
use proto::v1;
use serde_json::json;

use super::context::Context;
use crate::control::received;
use crate::lock::Lock;
use crate::report::{Kind, Report, Result};
use crate::state::StateDir;

/// How often to look whether the daemon is gone.
const POLL: Duration = Duration::from_millis(20);

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How long to wait until it is gone, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    timeout: u64,
}

impl Arguments {
    /// Returns once the daemon has unmounted and let the state directory go.
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let pid = context.block_on(async {
            let client = context.connect().await?;
            let answer = client.control().shutdown(v1::ShutdownRequest {}).await;
            Ok(answer.map_err(|status| received(&status))?.into_inner().pid)
        })?;
        if context.is_remote() {
            // When it is gone, only its own machine can tell.
            return told(context, pid, false);
        }
        let state = StateDir::at(&context.state_dir_of_daemon()?);
        let deadline = Instant::now() + Duration::from_secs(self.timeout);
        while Lock::holder(&state).is_some() {
            if Instant::now() >= deadline {
                let message = format!("process {pid} is still stopping after {} s", self.timeout);
                return Err(Report::new(Kind::Busy, message).hint(format!(
                    "something may be reading through the mount; `kill {pid}` twice ends it at once"
                )));
            }
            std::thread::sleep(POLL);
        }
        told(context, pid, true)
    }
}

fn told(context: &Context, pid: u32, stopped: bool) -> Result<()> {
    let mut out = context.output();
    if context.json() {
        out.json(&json!({ "stopped": stopped, "pid": pid }))?;
    } else if !context.is_quiet() {
        out.line(if stopped { "stopped" } else { "stopping" })?;
    }
    out.end()
}
