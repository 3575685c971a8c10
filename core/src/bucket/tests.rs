//! The published vectors of POLICY, and piecewise hashing.

use super::*;

#[test]
fn published_vectors_hold() {
    for (key, hash, expected) in [
        ("user-v2.1:u7", 0x265c_fd4a, Some(149_856)),
        ("user-v2.1:user-42", 0xba6a_0098, Some(728_179)),
        ("user-v2.1:北京-用户", 0x0059_ff36, Some(1_373)),
        ("hello", 0x248b_fa47, None),
    ] {
        assert_eq!(murmur3(&[key.as_bytes()], 0), hash, "hash of {key}");
        if let (Some(expected), Some((salt, unit))) = (expected, key.split_once(':')) {
            assert_eq!(bucket(salt.as_bytes(), unit.as_bytes()), expected, "bucket of {key}");
        }
    }
}

#[test]
fn pieces_hash_like_the_whole() {
    let text = b"the quick brown fox jumps over the lazy dog";
    for left in 0..text.len() {
        for right in left..text.len() {
            let pieces: [&[u8]; 3] = [&text[..left], &text[left..right], &text[right..]];
            assert_eq!(murmur3(&pieces, 7), murmur3(&[text], 7), "{left} {right}");
        }
    }
}

#[test]
fn projection_stays_inside_the_bucket_space() {
    assert_eq!(project(0), 0);
    assert_eq!(project(u32::MAX), BUCKETS - 1);
}
