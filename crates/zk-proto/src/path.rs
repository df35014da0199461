//! What the parts of a path may be made of.

/// Whether ZooKeeper's servers refuse this character in a path. They look at UTF-16 (`PathUtils.validatePath`): control
/// characters, the private use area, specials such as U+FFFD, and everything above U+FFFF, whose surrogates they refuse.
pub const fn is_forbidden_in_paths(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..)
}
