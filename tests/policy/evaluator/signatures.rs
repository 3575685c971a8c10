//! Tokens, a second time: written from docs/signatures.md alone, with an own SHA-256.

/// What a gateway signs with: ids and secrets, the first signs.
pub(crate) type Keys = Vec<(String, Vec<u8>)>;

/// The value of a token, and whether the first key has signed it; nothing when it is not believed.
pub(crate) fn verified(
    keys: &Keys,
    (kind, scope): (&str, &str),
    token: &str,
    now: u64,
) -> Option<(String, bool)> {
    let parts: Vec<&str> = token.split('.').collect();
    let [value @ .., expires, id, signature] = &parts[..] else { return None };
    let value = value.join(".");
    let moment: u64 =
        expires.parse().ok().filter(|moment: &u64| moment.to_string() == **expires)?;
    let secret = &keys.iter().find(|(known, _)| known == id)?.1;
    let good = !value.is_empty() && signed(secret, kind, scope, &value, expires) == *signature;
    let lasts = moment == 0 && (kind == "cookie" || kind == "pin");
    (good && (lasts || moment > now)).then(|| (value, keys[0].0 == *id))
}

/// A token.
pub(crate) fn token(
    (id, secret): &(String, Vec<u8>),
    (kind, scope): (&str, &str),
    value: &str,
    expires: u64,
) -> String {
    let signature = signed(secret, kind, scope, value, &expires.to_string());
    format!("{value}.{expires}.{id}.{signature}")
}

fn signed(secret: &[u8], kind: &str, scope: &str, value: &str, expires: &str) -> String {
    let text = ["halftone/v1", kind, scope, value, expires].join("\n");
    // RFC 2104, for secrets of up to a block.
    let pad = |with: u8| -> Vec<u8> {
        (0..64).map(|at| secret.get(at).copied().unwrap_or_default() ^ with).collect()
    };
    let inner = sha256(&[pad(0x36), text.into_bytes()].concat());
    base64url(&sha256(&[pad(0x5c), inner.to_vec()].concat()))
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: Vec<u8> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let digit = |six: &[u8]| {
        let value =
            (0..6).fold(0, |value, at| value * 2 + six.get(at).copied().unwrap_or_default());
        char::from(ALPHABET[usize::from(value)])
    };
    bits.chunks(6).map(digit).collect()
}

/// FIPS 180-4, with the constants worked out from primes.
fn sha256(message: &[u8]) -> [u8; 32] {
    let primes: Vec<u64> =
        (2u64..).filter(|n| (2..*n).all(|divisor| n % divisor != 0)).take(64).collect();
    // The first 32 bits of the fraction of a root, found by bisection in whole numbers.
    let fraction = |prime: u64, power: u32| {
        let wanted = u128::from(prime) << (32 * power);
        let (mut low, mut high) = (0u128, 1u128 << 40);
        while high - low > 1 {
            let middle = (low + high) / 2;
            if middle.pow(power) <= wanted { low = middle } else { high = middle }
        }
        u32::try_from(low & 0xffff_ffff).expect("32 bits")
    };
    let mut hash: Vec<u32> = primes[..8].iter().map(|prime| fraction(*prime, 2)).collect();
    let constants: Vec<u32> = primes.iter().map(|prime| fraction(*prime, 3)).collect();
    let mut padded = message.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend_from_slice(&(message.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks(64) {
        let mut words: Vec<u32> = block
            .chunks(4)
            .map(|four| u32::from_be_bytes(four.try_into().expect("four")))
            .collect();
        for at in 16..64 {
            let (a, b) = (words[at - 15], words[at - 2]);
            let small = a.rotate_right(7) ^ a.rotate_right(18) ^ (a >> 3);
            let large = b.rotate_right(17) ^ b.rotate_right(19) ^ (b >> 10);
            let sum = words[at - 16].wrapping_add(small).wrapping_add(words[at - 7]);
            words.push(sum.wrapping_add(large));
        }
        let mut s = hash.clone();
        for at in 0..64 {
            let e = s[4].rotate_right(6) ^ s[4].rotate_right(11) ^ s[4].rotate_right(25);
            let choice = (s[4] & s[5]) ^ (!s[4] & s[6]);
            let one = s[7].wrapping_add(e).wrapping_add(choice);
            let one = one.wrapping_add(constants[at]).wrapping_add(words[at]);
            let a = s[0].rotate_right(2) ^ s[0].rotate_right(13) ^ s[0].rotate_right(22);
            let majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
            s.rotate_right(1);
            s[4] = s[4].wrapping_add(one);
            s[0] = one.wrapping_add(a).wrapping_add(majority);
        }
        for (sum, word) in hash.iter_mut().zip(s) {
            *sum = sum.wrapping_add(word);
        }
    }
    let bytes: Vec<u8> = hash.iter().flat_map(|word| word.to_be_bytes()).collect();
    bytes.try_into().expect("32 bytes")
}

#[test]
fn the_published_vectors_hold() {
    let hex = |bytes: [u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    // FIPS 180-4, B.1 of its examples.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(hex(sha256(b"abc")), abc);
    let key = ("k1".to_owned(), vec![7; 32]);
    let token = token(&key, ("override", "shop/shop-v2"), "canary", 2_000_000_000);
    let published = include_str!("../../../core/src/signal/signature/tests/override.txt");
    assert_eq!(token, published.trim_end());
}
