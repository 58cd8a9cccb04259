//! `musicfs mount`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use fuse::options::Parsed;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::background;
use super::context::{Context, absolute};
use super::origin::given;
use crate::config::{Config, Loaded, Sources, check, process_env};
use crate::lock::Lock;
use crate::logging::Surroundings;
use crate::reload::Reloader;
use crate::report::{Kind, Report, Result};
use crate::state::StateDir;
use crate::webhooks::Endpoint;
use crate::{daemon, integrity, logging, preflight, signals};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// An empty directory; the library appears there [default: `mountpoint` of the configuration]
    mountpoint: Option<PathBuf>,
    /// A folder with music, or the address of one that needs no password, under an id of your choice;
    /// can be repeated
    #[arg(long = "origin", value_name = "[ID=]PATH|URL")]
    origins: Vec<OsString>,
    /// Mount options, separated by commas, such as `allow_other,umask=022`
    #[arg(short, value_name = "OPTIONS", value_delimiter = ',')]
    options: Vec<String>,
    /// Go into the background once the mount answers
    #[arg(long)]
    daemon: bool,
    /// Check every event of the log before mounting
    #[arg(long)]
    full_integrity_check: bool,
    /// As --full-integrity-check; go on with what holds of a damaged log, and keep the rest aside
    #[arg(long)]
    repair: bool,
}

impl Arguments {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        if !context.is_background() {
            return if self.daemon {
                self.start(context)
            } else {
                self.serve(context, || {})
            };
        }
        self.serve(context, background::ready)
            .inspect_err(background::failed)
    }

    /// Mounts in the background. What can be refused at once is refused here.
    fn start(self, context: &Context) -> Result<()> {
        let Settled {
            loaded, mountpoint, ..
        } = self.settle(context)?;
        endpoints(&loaded.config, &mountpoint)?;
        let state = StateDir::create(&loaded.config.state_dir)?;
        let pid = background::start(&state, context.arguments())?;
        let mut out = context.output();
        if context.json() {
            out.json(&json!({ "mountpoint": mountpoint.to_string_lossy(), "pid": pid }))?;
        } else if !context.is_quiet() {
            out.line(format!(
                "mounted on {} by process {pid}",
                mountpoint.display()
            ))?;
        }
        out.end()
    }

    /// Mounts, and serves until told to stop. `ready` is called when the mount answers.
    fn serve(self, context: &Context, ready: impl FnOnce() + Send + 'static) -> Result<()> {
        let Settled {
            sources,
            loaded,
            mountpoint,
        } = self.settle(context)?;
        let config = loaded.config.clone();
        let webhooks = endpoints(&config, &mountpoint)?;
        let caught = {
            let _runtime = context.runtime()?.enter();
            signals::catch()?
        };
        let state = StateDir::create(&config.state_dir)?;
        let lock = Lock::acquire(&state)?;
        let surroundings = Surroundings {
            file: state.messages_file(),
            background: context.is_background(),
        };
        let logging = logging::start(&config.log, surroundings)?;
        if let Some(report) = state.exposed() {
            let next = report.next_step().unwrap_or_default();
            tracing::warn!("{}: {next}", report.message());
        }
        let parsed = options(&config.mount_options)?;
        parsed
            .notes
            .iter()
            .for_each(|note| tracing::warn!("{note}"));
        // Each file that a player holds open takes one, unless the kernel reads it by itself (FS-6).
        if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
            tracing::warn!(%error, "the limit of open files stays as it is");
        }
        context.runtime()?.block_on(async {
            if self.full_integrity_check || self.repair {
                integrity::verify(&state, self.repair).await?;
            }
            preflight::origins(&config.origins, &mountpoint, &state).await?;
            let shutdown = CancellationToken::new();
            signals::stop_on_signals(shutdown.clone())?;
            let reloader = Arc::new(Reloader::new(sources, loaded));
            reloader.add(Arc::new(logging));
            let options = daemon::Options {
                state,
                mountpoint,
                mount: parsed.options,
                layout: config.layout(),
                access: config.access,
                cache: config.cache,
                prefetch: config.prefetch,
                metrics: config.metrics_listen,
                control: config.control,
                webhooks,
                collections: config.collections,
                readers: config.scan_threads,
                sidecars: config.sidecars,
                origins: config.origins,
                reloader,
            };
            daemon::run(options, lock, caught, shutdown, ready).await
        })
    }

    /// The configuration with the flags applied, all of it looked at.
    fn settle(&self, context: &Context) -> Result<Settled> {
        context.only_here()?;
        let mut sources = context.sources()?;
        let flags = &mut sources.flags;
        for origin in &self.origins {
            let origin = given(origin, "--origin ")?;
            if let Some(fault) = origin.faults().into_iter().next() {
                let message = format!("--origin {}: {fault}", origin.root);
                return Err(Report::new(Kind::Usage, message).hint(
                    "what needs a secret goes into the configuration file, or is added to the running \
                     daemon by `musicfs origin add`",
                ));
            }
            flags.origins.push(origin);
        }
        flags.mount_options.clone_from(&self.options);
        flags.mountpoint = self.mountpoint.as_deref().map(absolute).transpose()?;
        let loaded = sources.read(&process_env)?;
        options(&loaded.config.mount_options)?;
        if let Some(problem) = check::problems(&loaded.config).into_iter().next() {
            return Err(problem);
        }
        // To be found again from elsewhere.
        sources.file = sources.file.as_deref().map(absolute).transpose()?;
        let mountpoint = loaded.config.mountpoint.clone().ok_or_else(|| {
            Report::new(Kind::Usage, "there is no MOUNTPOINT")
                .hint("give one: musicfs mount ~/Music-view --origin ~/Music; or set `mountpoint` in the configuration")
        })?;
        Ok(Settled {
            sources,
            loaded,
            mountpoint,
        })
    }
}

/// What a mount is told to do.
struct Settled {
    sources: Sources,
    loaded: Loaded,
    mountpoint: PathBuf,
}

/// The webhooks with their secrets.
fn endpoints(config: &Config, mountpoint: &Path) -> Result<Vec<Endpoint>> {
    let webhooks = config.webhooks.iter();
    webhooks
        .map(|webhook| Endpoint::of(webhook, mountpoint, &process_env))
        .collect()
}

/// Mount options out of their texts.
pub(super) fn options(texts: &[String]) -> Result<Parsed> {
    fuse::options::parse(&texts.join(","), &[]).map_err(|error| {
        Report::new(Kind::Usage, error.to_string())
            .hint("`man mount.fuse3` explains the usual ones, docs/CLI.md those of MusicFS")
    })
}
