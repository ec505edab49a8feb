//! The progress bar of an import: on a terminal only.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use sidereus_engine::{ImportPhase, ImportProgress};

/// A bar that is removed when this is dropped.
pub(super) struct Shown {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Shows a bar on standard error if that is a terminal.
pub(super) fn show(figures: Arc<ImportProgress>) -> Shown {
    if !std::io::stderr().is_terminal() {
        return Shown { stop: None, thread: None };
    }
    let (stop, stopped) = channel();
    let thread = std::thread::spawn(move || {
        let mut phase = ImportPhase::Reading;
        let mut bar = bar(phase);
        while stopped.recv_timeout(Duration::from_millis(200)) == Err(RecvTimeoutError::Timeout) {
            if figures.phase() != phase {
                phase = figures.phase();
                bar.finish_and_clear();
                bar = self::bar(phase);
            }
            let (done, all) = figures.done();
            let (rows, rejects) = figures.rows();
            all.into_iter().for_each(|all| bar.set_length(all));
            bar.set_position(done);
            bar.set_message(format!("{rows} rows, {rejects} rejected"));
        }
        bar.finish_and_clear();
    });
    Shown { stop: Some(stop), thread: Some(thread) }
}

fn bar(phase: ImportPhase) -> ProgressBar {
    let template = match phase {
        ImportPhase::Reading => "reading {wide_bar} {bytes}/{total_bytes}, {eta} left, {msg}",
        ImportPhase::Writing => "writing {wide_bar} {human_pos}/{human_len} rows, {eta} left",
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style)
}

impl Drop for Shown {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The bar is all that it has; a panic in it is told already.
            let _ = thread.join();
        }
    }
}
