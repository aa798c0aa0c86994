//! Secrets that are known by what stands around them, and private keys.

use super::super::check::Check;
use super::super::rule::{Edge, Wrap};
use super::Format;

const RFC: &str = "https://www.rfc-editor.org/rfc/";

pub(super) const FORMATS: &[Format] = &[
    Format::token(
        "private-key",
        "https://www.rfc-editor.org/rfc/rfc7468",
        &["-----BEGIN ", "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY"],
        PRIVATE_KEY,
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
        r"LS0tLS1CRUdJTi[A-Za-z0-9+/]{20,}={0,2}",
    ),
    Format::token(
        "putty-private-key",
        "https://the.earth.li/~sgtatham/putty/latest/htmldoc/AppendixC.html",
        &["Private-Lines: "],
        r"Private-Lines: [0-9]+(?:\r?\n[A-Za-z0-9+/=]+)+",
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
        (r#"://[^\s/:@"'<>\[\]]*:"#, r#"[^\s/"'<>]+@"#),
    )
    .trail(1),
    Format::behind(
        "authorization-header",
        RFC,
        &["uthorization", "UTHORIZATION"],
        (AUTHORIZATION, r#"[^\s"',;\\]{6,}"#),
    )
    .check(Check::Assigned),
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
        &["ookie: ", "ookie:", "OOKIE: "],
        (r#"(?i:ookie):[ \t]*"#, r#"[A-Za-z0-9_.-]+=[^\r\n"']+"#),
    ),
    Format::behind(
        "netrc-password",
        "https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html",
        &["login ", "machine "],
        (r"(?:machine[ \t]+\S+\s{1,8})?login[ \t]+\S+\s{1,8}password[ \t]+", r"\S{3,}"),
    ),
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
        (r#"curl [^\n|;&]*?(?:-u|--user|--proxy-user)[ =]?["']?[^\s:"']+:"#, r#"[^\s"']+"#),
    ),
    Format::behind(
        "secret-value",
        "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html",
        NAMES,
        (NAMED, VALUE),
    )
    .check(Check::Assigned),
];

/// A block from its first line on, as far as it looks like one: its end may be missing. Line ends may be escaped.
const PRIVATE_KEY: &str = r#"(?:-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----)(?:(?:\s|\\[nrt]|\\\\n|["'+>|,]|#)+|[A-Z][A-Za-z-]{1,30}: [^\r\n]*|[A-Za-z0-9+/=]{16,})*(?:[A-Za-z0-9+/=]{1,15}(?:\s|\\[nrt])+)?(?:-----END [A-Z0-9 ]{0,40}-----|---- END [A-Z0-9 ]{0,40}----)?"#;

/// Names that announce a secret, in the spellings of code, environment and headers.
const NAMES: &[&str] = &[
    "password",
    "Password",
    "PASSWORD",
    "passwd",
    "Passwd",
    "PASSWD",
    "passphrase",
    "Passphrase",
    "PASSPHRASE",
    "secret",
    "Secret",
    "SECRET",
    "token",
    "Token",
    "TOKEN",
    "api_key",
    "API_KEY",
    "apikey",
    "apiKey",
    "ApiKey",
    "APIKEY",
    "api-key",
    "Api-Key",
    "API-KEY",
    "API-Key",
    "access_key",
    "ACCESS_KEY",
    "accessKey",
    "AccessKey",
    "access-key",
    "private_key",
    "PRIVATE_KEY",
    "privateKey",
    "private-key",
    "encryption_key",
    "ENCRYPTION_KEY",
    "encryptionKey",
    "signing_key",
    "SIGNING_KEY",
    "signingKey",
    "auth_key",
    "AUTH_KEY",
    "authKey",
    "credential",
    "CREDENTIAL",
    "Credential",
    "_PASS",
    "_pass",
    "_PWD",
    "pwd",
    "Pwd",
    "PWD",
    "master_key",
    "MASTER_KEY",
    "_auth",
    "SALT",
];

const NAMED: &str = r#"[A-Za-z0-9_.-]{3,60}\\?["'`]?\]?[ \t]{0,8}(?::=|=>|[:=])[ \t]{0,8}\\?["'`]?"#;
const VALUE: &str = r#"[^\s"'`,;&<>\\]{6,}"#;
const AUTHORIZATION: &str = r#"(?i:uthorization)\\?["']?[ \t]{0,4}[:=][ \t]{0,4}\\?["']?(?:(?i:bearer|basic|token|digest|apikey|api-key|bot|negotiate|ssws|key)[ \t]{1,4})?"#;
