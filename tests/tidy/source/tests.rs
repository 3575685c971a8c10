//! Comments and literals in all their forms.

use super::*;

#[test]
fn comments_and_literals_go_and_code_stays() {
    let check = |text: &str, expected: &str| assert_eq!(code_only(text), expected, "{text}");
    check("a // b\nc", "a  \nc");
    check("a /* b\n /* c */ d */ e", "a  \n e");
    check("a /* b", "a  ");
    check("a /*/ b */ c", "a   c");
    check("a / b * c", "a / b * c");
    check("f(\"x // y\", z)", "f( , z)");
    check("f(\"a\\\"b\", z)", "f( , z)");
    check("f(\"\\\\\", z)", "f( , z)");
    check("b\"x\" c", "b  c");
    check("r\"\\\" x", "  x");
    check("br#\"a \" b\"# c", "b  c");
    check("r##\"a\n\"# b\"## c", " \n c");
    check("r#type x", "r#type x");
    check("for\"x\"", "for ");
    check("'x' y", "  y");
    check("'\\'' y", "  y");
    check("'\"' y \"z\"", "  y  ");
    check("'灰' y", "  y");
    check("fn f<'a>(x: &'a str, y: 'b')", "fn f<'a>(x: &'a str, y:  )");
    check("'outer: loop { break 'outer; }", "'outer: loop { break 'outer; }");
    check("\"open", " ");
    check("", "");
}

#[test]
fn a_word_counts_as_a_whole() {
    let check = |line: &str, word: &str, count: usize| {
        assert_eq!(occurrences(line, word).len(), count, "{word} in {line:?}");
    };
    check("unsafe { }", "unsafe", 1);
    check("unsafe fn f() { unsafe {} }", "unsafe", 2);
    check("#[expect(unsafe_code)]", "unsafe", 0);
    check("not_unsafe", "unsafe", 0);
    check("#[unsafe(no_mangle)]", "unsafe", 1);
    check("", "unsafe", 0);
}
