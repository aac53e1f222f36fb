//! Ids that look like AWS's own. Made from a seed, so that a world can be made again.

/// The region in which everything is.
pub const REGION: &str = "eu-west-1";
/// The account that everything belongs to; AWS's own example account.
pub const ACCOUNT: &str = "111122223333";

/// A source of ids.
#[derive(Clone, Debug)]
pub struct Ids(u64);

impl Ids {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64: short, and every bit of it looks random.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn pick(&mut self, from: &[u8], count: usize) -> String {
        (0..count).map(|_| char::from(from[(self.next() % from.len() as u64) as usize])).collect()
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

    /// An address in a private subnet.
    pub(crate) fn address(&mut self) -> String {
        format!("10.0.{}.{}", self.next() % 16, 4 + self.next() % 250)
    }

    /// As long and as opaque as a lifecycle event hook execution id is.
    pub(crate) fn execution(&mut self) -> String {
        let sealed = self.pick(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 128);
        let vector = self.pick(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 16);
        base64(
            format!(r#"{{"encryptedData":"{sealed}","ivParameterSpec":"{vector}","materialSetSerial":1}}"#).as_bytes(),
        )
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4 {
            let known = digit <= chunk.len();
            text.push(if known { char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize]) } else { '=' });
        }
    }
    text
}

pub(crate) fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_base64() {
        assert_eq!(base64(b""), "");
        assert_eq!(base64(b"f"), "Zg==");
        assert_eq!(base64(b"fo"), "Zm8=");
        assert_eq!(base64(b"foobar"), "Zm9vYmFy");
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
