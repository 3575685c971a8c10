//! Tests of the packing.

use super::*;

#[test]
fn tokens_survive_the_trip() {
    for token in [
        Token::Listener(0),
        Token::Listener(1),
        Token::Backend(0),
        Token::Backend(70_000),
        Token::Client(0),
        Token::Client(63),
    ] {
        assert_eq!(Token::decode(token.encode()), token);
    }
}
