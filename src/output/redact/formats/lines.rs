//! Secrets that programs take or tell in a line of their own: protocols, listings, headers of single services.

use super::super::check::Check;
use super::super::rule::Wrap;
use super::Format;
use super::places::WORD;

pub(super) const FORMATS: &[Format] = &[
    Format::behind(
        "aws-signature-line",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html",
        &["Signature:"],
        (r"Signature:\s{1,2}", r"[0-9a-f]{64}"),
    ),
    Format::behind(
        "service-header",
        "https://docs.honeycomb.io/api/",
        &["Jenkins-Crumb", "X-Honeycomb-Team", "x-honeycomb-team", "CB-ACCESS-SIGN", "CB_ACCESS_SIGN", "X-MBX-APIKEY"],
        (r#"[A-Za-z_-]{12,16}\\?["']?[ \t]*[:=][ \t]*\\?["']?"#, r"[A-Za-z0-9+/=_-]{16,}"),
    ),
    Format::behind(
        "secret-id",
        "https://developer.hashicorp.com/consul/docs/security/acl/tokens",
        &["SecretID", "Secret ID"],
        (r#"Secret ?ID\\?["']?[ \t]*[:=][ \t]*\\?["']?"#, r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ),
    Format::token("k3s-token", "https://docs.k3s.io/cli/token", &["K10"], r"K10[0-9a-f]{64}::[a-z]+:[A-Za-z0-9.]+"),
    Format::behind(
        "composer-oauth",
        "https://getcomposer.org/doc/articles/authentication-for-private-packages.md",
        &["hub-oauth", "lab-oauth", "lab-token", "\"bearer\""],
        (r#"[a-z"-]{8,10}\\?"[ \t]*:[ \t]*\{\s{0,20}\\?"[a-z0-9.-]+\\?"[ \t]*:[ \t]*\\?""#, r"[A-Za-z0-9_-]{16,}"),
    ),
    Format::behind(
        "conda-token",
        "https://docs.anaconda.com/anacondaorg/user-guide/tasks/work-with-tokens/",
        &["/t/"],
        (r"/t/", r"[a-z]{2}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ),
    Format::behind(
        "chat-hook",
        "https://developers.mattermost.com/integrate/webhooks/incoming/",
        &["/hooks/"],
        (r"/hooks/", r"[a-z0-9]{26}"),
    )
    .check(Check::Random),
    Format::behind(
        "login-argument",
        "https://docs.wandb.ai/ref/cli/wandb-login/",
        &["wandb login ", " --auth ", " --auth="],
        (r"(?:wandb login[ \t]+(?:--relogin[ \t]+)?| --auth[ =])", r"[A-Za-z0-9_-]{32,}"),
    )
    .check(Check::Strong),
    Format::behind(
        "protocol-auth",
        "https://www.rfc-editor.org/rfc/rfc4954",
        &["AUTH "],
        (r"AUTH[ \t]+(?:(?:PLAIN|LOGIN|XOAUTH2|default)[ \t]+)?", r"[A-Za-z0-9+/=_-]{16,}"),
    )
    .check(Check::Strong),
    Format::behind(
        "protocol-pass",
        "https://www.rfc-editor.org/rfc/rfc959",
        &["> PASS ", "\"PASS "],
        (r#"[>"] ?PASS "#, r#"[^\s"'\\/()]{4,}"#),
    )
    .check(Check::Given),
    Format::behind(
        "ldif-password",
        "https://www.rfc-editor.org/rfc/rfc2849",
        &["assword:: "],
        (r"assword::[ \t]+", r"[A-Za-z0-9+/]{8,}={0,2}"),
    ),
    Format::behind(
        "windows-hash",
        "https://learn.microsoft.com/windows-server/security/kerberos/passwords-technical-overview",
        &[":500:", ":501:", ":502:", ":503:", ":1000:", ":1001:", ":1002:", ":1103:", ":1104:", "aad3b435b51404ee"],
        (r"(?::[0-9]{3,4}:|aad3b435b51404eeaad3b435b51404ee:)", r"[0-9a-f]{32}(?::[0-9a-f]{32})?"),
    ),
    Format::behind(
        "quoted-password-hash",
        "https://man7.org/linux/man-pages/man5/crypt.5.html",
        &["'$6$", "\"$6$", " $6$", "=$6$", "'$5$", "\"$5$", " $5$", "'$y$", "\"$y$", " $y$", "=$y$"],
        (r#"['" =]"#, r"\$(?:[56]|y)\$[A-Za-z0-9./$=]{40,}"),
    )
    .shown(1),
    Format::behind(
        "sql-unicode-password",
        "https://learn.microsoft.com/sql/t-sql/statements/alter-login-transact-sql",
        &["PASSWORD", "assword"],
        (r"(?i:p?assword)[ \t]*=[ \t]*[NbBrRuUL@]", r#"'[^'\r\n]{4,}'|"[^"\r\n]{4,}"|\\["'][^"'\\\r\n]{4,}"#),
    )
    .check(Check::Given),
    Format::behind(
        "connection-argument",
        "https://docs.oracle.com/en/java/javase/21/docs/api/java.sql/java/sql/DriverManager.html",
        &["getConnection("],
        (r#"getConnection\([^,\r\n]*,[ \t]*\\?"[^"\r\n]*",[ \t]*"#, r#""[^"\r\n]{3,}"|\\"[^"\\\r\n]{3,}"#),
    )
    .check(Check::Given),
    Format::behind(
        "transfer-password",
        "https://lftp.yar.ru/lftp-man.html",
        &["lftp ", "freerdp ", "ncftp"],
        (
            r"(?:lftp[ \t](?:[^\n|;&]*?[ \t])?(?:-u|--user)[ \t=]*[^\s,]+,|freerdp[ \t](?:[^\n|;&]*?[ \t])?/p:|ncftp[a-z]*[ \t](?:[^\n|;&]*?[ \t])?-p[ \t]+)",
            WORD,
        ),
    )
    .check(Check::Given),
    Format::behind(
        "key-passphrase",
        "https://man.openbsd.org/ssh-keygen",
        &["ssh-keygen "],
        (r"ssh-keygen[ \t](?:[^\n|;&]*?[ \t])?-[NP][ \t]*", WORD),
    )
    .check(Check::Given),
    Format::behind(
        "here-string-password",
        "https://www.gnu.org/software/bash/manual/html_node/Redirections.html",
        &["kinit ", "cryptsetup ", "-stdin <<<", "-token <<<"],
        (r"(?:kinit|cryptsetup|-stdin|-token)[ \t](?:[^\n|;&]*?[ \t])?<<<[ \t]*", WORD),
    )
    .check(Check::Given),
    Format::behind(
        "reset-password",
        "https://www.elastic.co/docs/reference/elasticsearch/command-line-tools/reset-password",
        &["New value: "],
        (r"New value:[ \t]+", r"[A-Za-z0-9*_=+-]{12,}"),
    )
    .check(Check::Strong),
    Format::behind(
        "websocket-bearer",
        "https://kubernetes.io/docs/reference/access-authn-authz/authentication/",
        &["bearer.authorization.k8s.io."],
        (r"bearer\.authorization\.k8s\.io\.", r"[A-Za-z0-9_-]{16,}"),
    ),
    Format::behind(
        "seed-phrase",
        "https://github.com/bitcoin/bips/blob/master/bip-0039.mediawiki",
        &["nemonic", "NEMONIC", "eed phrase", "eed Phrase", "EED_PHRASE", "eed_phrase", "eedPhrase", "ecovery phrase"],
        (
            r#"[A-Za-z]{3,7}(?:[ _]?(?i:phrase))?\\?["']?[ \t]{0,4}(?::|=|is)[ \t]{0,4}\\?["']?"#,
            r"[a-z]{3,8}(?: [a-z]{3,8}){11,23}",
        ),
    )
    .wrap(Wrap::No),
];
