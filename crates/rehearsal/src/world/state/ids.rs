//! Ids that look like those of AWS. They come from a seed, so that a rehearsal can be repeated with the same ids.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fastrand::Rng;

/// The region of all resources.
pub const REGION: &str = "eu-west-1";
/// The account of all resources: AWS's own example account.
pub const ACCOUNT: &str = "111122223333";

/// A source of ids.
#[derive(Clone, Debug)]
pub struct Ids {
    rng: Rng,
    addresses: u32,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed), addresses: 0 }
    }

    fn pick(&mut self, from: &[u8], count: usize) -> String {
        (0..count).map(|_| char::from(from[self.rng.usize(..from.len())])).collect()
    }

    pub(crate) fn hex(&mut self, count: usize) -> String {
        self.pick(b"0123456789abcdef", count)
    }

    /// `d-A1B2C3D4E`.
    pub(crate) fn deployment(&mut self) -> String {
        format!("d-{}", self.pick(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 9))
    }

    /// `ecs-svc/3605701707267980476`.
    pub(crate) fn task_set(&mut self) -> String {
        format!("ecs-svc/{}{}", self.pick(b"123456789", 1), self.pick(b"0123456789", 18))
    }

    /// The same source for another service, with other addresses.
    pub(crate) fn for_other_service(mut self) -> Self {
        self.addresses = 1000;
        self
    }

    /// An address in a private subnet. Each address is returned once: two tasks with one address would be one target.
    pub(crate) fn address(&mut self) -> String {
        let number = self.addresses;
        self.addresses += 1;
        format!("10.{}.{}.{}", number / 64_000 % 256, number / 250 % 256, 4 + number % 250)
    }

    /// An id as long and opaque as a lifecycle event hook execution id.
    pub(crate) fn execution(&mut self) -> String {
        let sealed = self.pick(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 128);
        let vector = self.pick(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 16);
        STANDARD.encode(format!(r#"{{"encryptedData":"{sealed}","ivParameterSpec":"{vector}","materialSetSerial":1}}"#))
    }
}

pub(crate) fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_is_given_twice() {
        let mut ids = Ids::new(1);
        let addresses: std::collections::BTreeSet<_> = (0..5000).map(|_| ids.address()).collect();
        assert_eq!(addresses.len(), 5000);
    }

    #[test]
    fn ids_look_real_and_differ() {
        let mut ids = Ids::new(1);
        let id = ids.deployment();
        assert!(id.len() == 11 && id.starts_with("d-") && id != ids.deployment(), "{id}");
        assert_eq!(ids.task_set().len(), "ecs-svc/3605701707267980476".len());
        assert!(ids.execution().starts_with("eyJlbmNyeXB0ZWREYXRhIjoi"));
    }
}
