//! Secrets that are known by what stands around them, and private keys.

use super::super::check::Check;
use super::super::rule::{Edge, Wrap};
use super::Format;

const RFC: &str = "https://www.rfc-editor.org/rfc/";

pub(super) const FORMATS: &[Format] = &[
    Format::token(
        "private-key",
        "https://www.rfc-editor.org/rfc/rfc7468",
        &["-----BEGIN ", "-----BEGIN+", "-----BEGIN%20", "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY"],
        PRIVATE_KEY,
    )
    .edge(Edge::Any)
    .wrap(Wrap::No),
    Format::token(
        "private-key-lines",
        "https://www.rfc-editor.org/rfc/rfc7468",
        &["-----BEGIN "],
        PREFIXED_PRIVATE_KEY,
    )
    .edge(Edge::Any)
    .wrap(Wrap::No),
    Format::token(
        "private-key-base64",
        "https://www.rfc-editor.org/rfc/rfc7468",
        &[
            "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS",
            "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVkt",
            "LS0tLS1CRUdJTiBFQyBQUklWQVRFIEtFWS",
            "LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZ",
            "LS0tLS1CRUdJTiBFTkNSWVBURUQgUFJJVkFURSBLRVkt",
        ],
        r"LS0tLS1CRUdJTiB(?:QUklWQVRFIEtFW|SU0EgUFJJVkFURSBLRV|FQyBQUklWQVRFIEtFW|PUEVOU1NIIFBSSVZBVEUgS0VZ|FTkNSWVBURUQgUFJJVkFURSBLRV)[A-Za-z0-9+/]{20,}={0,2}",
    ),
    Format::token(
        "putty-private-key",
        "https://the.earth.li/~sgtatham/putty/latest/htmldoc/AppendixC.html",
        &["Private-Lines: "],
        r"Private-Lines: [0-9]+(?:\\n[A-Za-z0-9+/=]+)*(?:\r?\n(?:[^\r\n]*[ \t|>:]|\+)?[A-Za-z0-9+/]{16,}={0,2}\r?$)+(?:\r?\n(?:[^\r\n]*[ \t|>:]|\+)?Private-(?:MAC|Hash): [0-9a-f]+)?",
    )
    .wrap(Wrap::No),
    Format::token(
        "jwt",
        "https://www.rfc-editor.org/rfc/rfc7519",
        &["eyJ"],
        r"eyJ[A-Za-z0-9_-]{8,}\.(?:eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}|[A-Za-z0-9_-]*\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})",
    )
    .edge(Edge::Token),
    Format::behind(
        "url-password",
        "https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1",
        &["://"],
        (r#"://[^\s/:"'<>\[\]]*:"#, r#"[^\s/"'<>]+@"#),
    )
    .check(Check::Given)
    .trail(1),
    Format::behind(
        "url-token",
        "https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1",
        &["://"],
        ("://", r"[A-Za-z0-9_.~%-]{20,}@"),
    )
    .check(Check::Strong)
    .trail(1),
    Format::behind(
        "authorization-header",
        RFC,
        &["uthorization", "UTHORIZATION"],
        (AUTHORIZATION, r#"[^\s"'`,;\\]{6,}"#),
    )
    .check(Check::Given),
    Format::behind(
        "bearer-token",
        "https://www.rfc-editor.org/rfc/rfc6750",
        &["Bearer ", "bearer ", "BEARER "],
        (r"(?i:bearer) {1,4}", r"[A-Za-z0-9_.~+/=-]{16,}"),
    )
    .check(Check::Random),
    Format::behind(
        "cookie",
        "https://www.rfc-editor.org/rfc/rfc6265",
        &["ookie:", "OOKIE:", "ookie\":", "ookie':"],
        (r#"(?i:ookie)\\?["']?:[ \t]*\\?["']?"#, r#"[A-Za-z0-9_.-]+=[^\r\n"']+"#),
    )
    .wrap(Wrap::No)
    .check(Check::Cookie),
    Format::behind(
        "netrc-password",
        "https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html",
        &["login ", "machine "],
        (r"(?:machine[ \t]+\S+\s{1,8})?login[ \t]+\S+\s{1,8}password[ \t]+", r"\S{3,}"),
    )
    .check(Check::Given),
    Format::behind(
        "kubeconfig-key",
        "https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/",
        &["client-key-data"],
        (r#"client-key-data["']?:[ \t]*["']?"#, r"[A-Za-z0-9+/]{20,}={0,2}"),
    ),
    Format::behind(
        "curl-password",
        "https://curl.se/docs/manpage.html#-u",
        &["curl "],
        (r#"curl [^\n|]*?(?:-u|--user|--proxy-user|-U)[ =]?\\{0,3}["']?[^\s:"'-][^\s:"']*:"#, r#"[^\s"']+"#),
    )
    .check(Check::Given),
    Format::behind(
        "digest-response",
        "https://www.rfc-editor.org/rfc/rfc7616",
        &["response=\"", "response=\\\""],
        (r#"response=\\{0,3}""#, r"[0-9a-f]{32,64}"),
    ),
];

/// A block from its first line on, as far as it looks like one: its end may be missing. Line ends may be escaped.
const PRIVATE_KEY: &str = concat!(
    r"(?:-----BEGIN(?: |\+|%20)(?:[A-Z0-9 +]|%20)*PRIVATE(?: |\+|%20)KEY(?:(?: |\+|%20)BLOCK)?-----",
    r"|---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----)",
    r#"(?:\s|\\+[nrt]|%0[AaDd]|["'+>|,]|#|//|[A-Z][A-Za-z-]+: [^\r\n]*|[A-Za-z0-9+/=%]{16,})*"#,
    r"(?:(?:[A-Za-z0-9+/=]{1,15}(?:\s|\\[nrt])+)?(?:-----END [A-Z0-9 ]*-----|---- END [A-Z0-9 ]*----)",
    r"|[A-Za-z0-9+/=]{1,15}(?:\r?$|\\[nrt]))?",
);

/// The same behind what a log, a listing or a diff puts before each line, without the line that ends it: to know that one
/// would cost a table of several times the size.
const PREFIXED_PRIVATE_KEY: &str = concat!(
    r#"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----[\\nr"',;+ \t]*"#,
    r#"(?:\r?\n[^\r\n]*(?:: [^\r\n]*|[|>:+#* F]\r?$)){0,3}"#,
    r#"(?:\r?\n[^\r\n]*[ \t|>:*"'][A-Za-z0-9+/]{12,}={0,2}[\\nr \t"',;+]*\r?$)+"#,
);

const AUTHORIZATION: &str =
    r#"(?i:uthorization)\\?["']?[ \t]{0,4}[:=][ \t]{0,4}\\?["'`]?(?:[A-Za-z][A-Za-z0-9_-]{1,20}[ \t]{1,4})?"#;
