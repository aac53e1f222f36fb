//! All reads, as many at once as depend on nothing else. What is denied is noted with the permission that it needs, and
//! never taken for well.

mod functions;
mod group;
mod network;
mod roles;

use std::{
    future::Future,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::anyhow;
use hook_core::survey::{Fault, Named, Survey, Wants};
use tokio::{sync::Semaphore, task::JoinSet};

pub use self::{
    functions::{own_checks, parts},
    group::title,
    roles::{invoke, put},
};
use super::facts::{Facts, Look, Unseen, Wired};
use crate::source::Source;

/// So many questions at once: EC2 answers few a second, and IAM fewer.
const AT_ONCE: usize = 6;

/// What to look at.
#[derive(Debug)]
pub struct Asked {
    /// CodeDeploy's application.
    pub application: String,
    /// The deployment group.
    pub group: String,
    /// The region.
    pub region: String,
    /// An AppSpec file in place of the newest deployment's.
    pub app_spec: Option<PathBuf>,
    /// Events and functions in place of an AppSpec file.
    pub functions: Vec<(String, String)>,
    /// A gate file in place of the functions' own.
    pub gate: Option<Source>,
}

/// Looks at things, and notes what it could not look at.
#[derive(Clone)]
pub struct Looker {
    pub survey: Survey,
    ledger: Arc<Mutex<Ledger>>,
}

#[derive(Default)]
struct Ledger {
    unseen: Vec<Unseen>,
    looked_at: usize,
}

impl Looker {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What came of a look. `none` are AWS's codes that say that there is no such thing.
    fn note<T>(&self, looked_for: impl Into<String>, looked: Result<T, Fault>, none: &[&str]) -> Look<T> {
        match looked {
            Ok(seen) => {
                self.ledger().looked_at += 1;
                Look::Seen(seen)
            }
            Err(fault) if none.iter().any(|word| fault.is(word)) => {
                self.ledger().looked_at += 1;
                Look::Missing(fault.detail)
            }
            Err(fault) => {
                self.could_not(looked_for, Some(fault.operation), fault.detail);
                Look::Unseen
            }
        }
    }

    /// Notes that nobody could look at something.
    fn could_not(&self, looked_for: impl Into<String>, permission: Option<&'static str>, why: impl Into<String>) {
        let unseen = Unseen { looked_for: looked_for.into(), permission, why: why.into() };
        let mut ledger = self.ledger();
        if !ledger.unseen.contains(&unseen) {
            ledger.unseen.push(unseen);
        }
    }
}

/// Does all of it, some at once, and gives what came of each in their order.
async fn all<T, F>(work: impl IntoIterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let mut working = JoinSet::new();
    for (index, one) in work.into_iter().enumerate() {
        let gate = gate.clone();
        working.spawn(async move {
            let _permit = gate.acquire_owned().await;
            (index, one.await)
        });
    }
    let mut done = working.join_all().await;
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, one)| one).collect()
}

/// Looks at everything.
///
/// # Errors
/// There is nothing to look at: no such deployment group, credentials that are no good, a file that cannot be read.
pub async fn gather(survey: Survey, asked: Asked) -> anyhow::Result<Facts> {
    let looker = Looker { survey, ledger: Arc::default() };
    let title = format!("the deployment group {}", asked.group);
    let group = match group::group(&looker.survey, &asked.application, &asked.group).await {
        // Without credentials or without such a group there is nothing to look at.
        Err(fault) if !fault.is_refusal() => return Err(anyhow!("nothing was looked at: {fault}")),
        read => looker.note(title, read, &[]),
    };
    let app_spec = group::app_spec(&looker, &asked, group.seen()).await?;
    let hooks = app_spec.seen().map(|it| it.hooks.clone()).unwrap_or_default();
    let (listeners, alarms_missing, mut functions) = tokio::join!(
        network::listeners(&looker, group.seen()),
        group::alarms_missing(&looker, group.seen()),
        functions::functions(&looker, &asked, hooks, group.seen()),
    );
    network::foresee(&looker, &mut functions, &asked, group.seen()).await;
    let nets = functions::nets(&looker, &functions, &asked.region, group.seen()).await;
    roles::ask(&looker, &mut functions, &asked, group.seen());
    let wants: Vec<&Wants> = functions.iter().filter_map(|wired| wired.gate.wants.as_ref()).collect();
    let names: Vec<Named> = wants.iter().flat_map(|wants| wants.names.keys().cloned()).collect();
    let (permits, network, named, definition) = tokio::join!(
        roles::permits(&looker, &functions, &nets, &asked, group.seen()),
        network::network(&looker, &functions, &listeners, &asked.region),
        group::named(&looker, names.clone()),
        group::definition(&looker, app_spec.seen(), names.iter().any(|named| matches!(named, Named::Container(_)))),
    );
    let Ledger { unseen, looked_at } = std::mem::take(&mut *looker.ledger());
    Ok(Facts {
        application: asked.application,
        group_name: asked.group,
        region: asked.region,
        group,
        app_spec,
        functions,
        nets,
        listeners,
        alarms_missing,
        permits,
        named,
        definition,
        network,
        unseen,
        looked_at,
    })
}

/// The names of functions, in words.
fn titles<'a>(functions: impl IntoIterator<Item = &'a Wired>) -> String {
    functions.into_iter().map(|wired| wired.name.as_str()).collect::<Vec<_>>().join(", ")
}
