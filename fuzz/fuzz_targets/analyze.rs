//! Any text is answered without a panic; what is rendered and read again renders as itself.
//!
//! `cargo +nightly fuzz run analyze`; seeds are the snippets in `tests/cases/shell`.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use shellwarden::shell::{Analysis, Context, Head, Rendered, Slot, analyze};

fuzz_target!(|text: &str| {
    let context = Context {
        variables: BTreeMap::from([("LANG".to_owned(), "C".to_owned())]).into(),
        home: Some("/home/user".to_owned()),
    };
    let Ok(analysis) = analyze(text, &context) else { return };
    let programs = |analysis: &Analysis| -> BTreeMap<Slot, String> {
        let slots = analysis.commands.iter().filter_map(|command| match command.head {
            Head::Program(slot) => Some((slot, "/bin/program".to_owned())),
            Head::Builtin | Head::Elsewhere => None,
        });
        slots.collect()
    };
    let Ok(Rendered::Bash(first)) = analysis.render(&programs(&analysis)) else { return };
    if let Ok(again) = analyze(&first, &context)
        && let Ok(Rendered::Bash(second)) = again.render(&programs(&again))
    {
        assert_eq!(first, second, "from {text:?}");
    }
});
