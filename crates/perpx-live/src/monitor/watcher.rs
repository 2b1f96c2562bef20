//! The task that hears all notices and looks at each snapshot: it writes the log, tells channels of alerts, and shows what stands.

use super::shared::{Alarm, Notice, Shared};
use super::snapshot::{Level, Trouble};
use crate::alerts::channel::{Channel, address, client};
use crate::alerts::rules::troubles;
use crate::alerts::{Message, Standing};
use crate::log_lines::LogLines;
use crate::panel_file::AlertFile;
use perpx_venues::recorder::folder;
use perpx_venues::wall;
use secrecy::{ExposeSecret, SecretString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::interval;

/// Between two looks at what goes wrong.
const EVERY: Duration = Duration::from_secs(1);
/// Between two signs of life to an address elsewhere.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// What it has in its hands.
pub struct Watcher {
    shared: Arc<Shared>,
    folder: PathBuf,
    notices: mpsc::UnboundedReceiver<Notice>,
    log: LogLines,
    channels: Vec<Channel>,
    carriers: Vec<JoinHandle<()>>,
    heartbeat: Option<(reqwest::Client, SecretString)>,
    beaten: Option<Instant>,
    standing: Standing,
    /// What is wrong with channels since the start.
    unready: Vec<Trouble>,
}

impl Watcher {
    /// Of a run in `folder`; must be called within a runtime.
    pub fn new(
        (shared, notices): (Arc<Shared>, mpsc::UnboundedReceiver<Notice>),
        (folder, log): (&Path, LogLines),
        (alerts, heartbeat): (&[AlertFile], Option<&str>),
        env_file: &Path,
    ) -> Watcher {
        let (mut channels, mut carriers, mut unready) = (Vec::new(), Vec::new(), Vec::new());
        let trouble = |name: &str, words| {
            let (rule, subject, level) = ("alert channel", name.to_owned(), Level::Warning);
            Trouble { rule, subject, level, words }
        };
        for file in alerts {
            match Channel::new(file, env_file) {
                Ok((channel, carrier)) => {
                    channels.push(channel);
                    carriers.push(tokio::spawn(carrier.carry(shared.identity.clone())));
                }
                Err(why) => unready.push(trouble(&file.url_env, why)),
            }
        }
        let heartbeat = heartbeat.and_then(|name| match address(name, env_file).and_then(|url| Ok((client()?, url))) {
            Ok(heartbeat) => Some(heartbeat),
            Err(why) => {
                unready.push(trouble(name, why));
                None
            }
        });
        let (folder, standing, beaten) = (folder.to_path_buf(), Standing::default(), None);
        Watcher { shared, folder, notices, log, channels, carriers, heartbeat, beaten, standing, unready }
    }

    /// Watches until it is asked to end; then says what is left to be said.
    pub async fn watch(mut self, mut end: oneshot::Receiver<()>) {
        let mut ticks = interval(EVERY);
        // what lasts for less than a second is seen as well
        let mut snapshots = self.shared.snapshots();
        loop {
            tokio::select! {
                biased;
                Some(notice) = self.notices.recv() => self.hear(&notice),
                _ = ticks.tick() => self.look(),
                // whoever makes them is held here, too
                Ok(()) = snapshots.changed() => self.look(),
                _ = &mut end => break,
            }
        }
        while let Ok(notice) = self.notices.try_recv() {
            self.hear(&notice);
        }
        // they end when nobody puts messages any more
        self.channels.clear();
        for carrier in self.carriers {
            let _ = carrier.await;
        }
    }

    fn hear(&mut self, notice: &Notice) {
        self.log.notice(notice);
        if notice.level >= Level::Info {
            self.count(notice.rule);
            let message = Message::from(notice);
            self.channels.iter().for_each(|channel| channel.put(&message));
        }
    }

    fn count(&self, rule: &'static str) {
        self.shared.metrics.alerts.get_or_create(&vec![("rule", rule.to_owned())]).inc();
    }

    /// What goes wrong now.
    fn look(&mut self) {
        let mut found = troubles(&self.shared, folder::free(&self.folder));
        found.extend(self.unready.iter().cloned());
        let failed = self.channels.iter().map(Channel::delivery).filter(|delivery| !delivery.why.is_empty());
        found.extend(failed.map(|delivery| Trouble {
            rule: "alert channel",
            subject: delivery.name,
            level: Level::Warning,
            words: format!("the last message was not taken: {}", delivery.why),
        }));
        if self.log.lost > 0 {
            let words = format!("{} lines of the log could not be written", self.log.lost);
            found.push(Trouble { rule: "log", subject: "log".to_owned(), level: Level::Warning, words });
        }
        for (message, is_new) in self.standing.look(found, wall::now()) {
            if is_new {
                self.count(message.rule);
            }
            self.log.alert(&message);
            self.channels.iter().for_each(|channel| channel.put(&message));
        }
        let channels = self.channels.iter().map(Channel::delivery).collect();
        self.shared.set_alarm(Alarm { standing: self.standing.shown(), channels });
        self.beat();
    }

    /// A sign of life, where one is waited for.
    fn beat(&mut self) {
        let Some((client, url)) = &self.heartbeat else { return };
        if !self.shared.is_alive() || self.beaten.is_some_and(|at| at.elapsed() < HEARTBEAT) {
            return;
        }
        self.beaten = Some(Instant::now());
        let asked = client.get(url.expose_secret()).send();
        // whoever waits for it notices that it does not come
        tokio::spawn(async move { drop(asked.await) });
    }
}
