//! What is a path of a znode. Source: `PathUtils.validatePath`, `PrepRequestProcessor`.

/// The path of the root.
pub(crate) const ROOT: &str = "/";

/// Znodes that are there from the start and cannot be deleted.
pub(crate) const SYSTEM: [&str; 4] = [ROOT, "/zookeeper", "/zookeeper/quota", "/zookeeper/config"];

/// Whether a znode of this path may exist.
pub(crate) fn is_valid(path: &str) -> bool {
    if path == ROOT {
        return true;
    }
    let Some(names) = path.strip_prefix('/') else { return false };
    names.split('/').all(is_valid_name)
}

fn is_valid_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && name.chars().all(is_allowed)
}

/// Java judges 16 bits at a time: everything beyond the first plane is two surrogates to it, which it refuses.
fn is_allowed(character: char) -> bool {
    !matches!(character,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..)
        && u32::from(character) <= 0xffff
}

/// The path of the parent, or `None` where a path has no slash or holds a NUL, which is as far as servers look before they
/// look the parent up.
pub(crate) fn parent(path: &str) -> Option<&str> {
    if path.contains('\0') {
        return None;
    }
    let (parent, _) = path.rsplit_once('/')?;
    Some(if parent.is_empty() { ROOT } else { parent })
}

/// The last name of a path.
pub(crate) fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// The path and all its ancestors, from the path up to the root.
pub(crate) fn and_ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| match *path {
        ROOT | "" => None,
        path => parent(path),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_judged_as_java_does() {
        for good in ["/", "/a", "/a/b", "/...", "/a..b", "/.a", "/ä", "/a b"] {
            assert!(is_valid(good), "{good:?}");
        }
        for bad in ["", "a", "//", "/a/", "/a//b", "/.", "/a/..", "/a/./b", "/\0", "/\u{1f}", "/\u{85}"] {
            assert!(!is_valid(bad), "{bad:?}");
        }
        for bad in ["/\u{e000}", "/\u{fff0}", "/\u{1f600}"] {
            assert!(!is_valid(bad), "{bad:?}");
        }
    }

    #[test]
    fn ancestors_end_at_the_root() {
        assert_eq!(and_ancestors("/a/b").collect::<Vec<_>>(), ["/a/b", "/a", "/"]);
        assert_eq!(and_ancestors("/").collect::<Vec<_>>(), ["/"]);
        assert_eq!(and_ancestors("x").collect::<Vec<_>>(), ["x"]);
        assert_eq!((parent("/a"), parent("a"), parent("/a\0/b")), (Some("/"), None, None));
        assert_eq!(name("/a/b"), "b");
    }
}
