//! Sends the events of one deployment.

use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

use crate::report::{EventKind, RehearsalEvent};

/// Sends the events of a deployment, with the time since its creation.
#[derive(Clone, Debug)]
pub(super) struct EventSender {
    pub events: UnboundedSender<RehearsalEvent>,
    pub created: Instant,
}

impl EventSender {
    pub fn send(&self, what: EventKind) {
        // The receiver may be closed.
        let _ = self.events.send(RehearsalEvent { at: self.created.elapsed(), kind: what });
    }
}
