//! Secrets that are known by where they stand: behind a name, an option, a field of a file.

use super::super::check::Check;
use super::super::rule::Wrap;
use super::Format;

const OWASP: &str = "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html";

pub(super) const FORMATS: &[Format] = &[
    Format::behind(
        "mysql-password",
        "https://dev.mysql.com/doc/refman/en/connecting.html",
        &["mysql", "mariadb"],
        (r"(?:mysql|mariadb)[a-z_-]*[ \t](?:[^\n|;&]*?[ \t])?-p", WORD),
    )
    .check(Check::Given),
    Format::behind("sshpass-password", "https://linux.die.net/man/1/sshpass", &["sshpass"], (r"sshpass[ \t]+(?:-v[ \t]+)?-p[ \t]*", WORD))
        .check(Check::Given),
    Format::behind(
        "redis-cli-password",
        "https://redis.io/docs/latest/develop/tools/cli/",
        &["redis-cli"],
        (r"redis-cli[^\n|;&]*?[ \t](?:-a|--pass)[ \t]+", WORD),
    )
    .check(Check::Given),
    Format::behind(
        "option-p-password",
        "https://www.mongodb.com/docs/mongodb-shell/reference/options/",
        &["mongo", "twine ", "snowsql ", "cqlsh ", "influx ", " login "],
        (r"(?:mongo[a-z]*|twine|snowsql|cqlsh|influx| login)[ \t](?:[^\n|;&]*?[ \t])?(?:-p|--password)[ \t=]+", WORD),
    )
    .check(Check::Given),
    Format::behind(
        "option-upper-p-password",
        "https://learn.microsoft.com/sql/tools/sqlcmd/sqlcmd-utility",
        &["sqlcmd ", "bcp ", "isql ", "mosquitto_", "zip -", "zip a", "zip o", "zip s"],
        (r"(?:sqlcmd|bcp|isql|mosquitto_[a-z]+|zip)[ \t](?:[^\n|;&]*?[ \t])?-P[ \t]*", WORD),
    )
    .check(Check::Given),
    Format::behind(
        "archive-password",
        "https://7-zip.opensource.jp/chm/cmdline/switches/password.htm",
        &["7z ", "7za ", "7zz ", "rar "],
        (r"(?:7za?|7zz|rar)[ \t](?:[^\n|;&]*?[ \t])?-h?p", WORD),
    )
    .check(Check::Given),
    Format::behind(
        "ldap-password",
        "https://www.openldap.org/software/man.cgi?query=ldapsearch",
        &["ldapsearch ", "ldapadd ", "ldapmodify ", "ldapdelete ", "ldapwhoami ", "ldappasswd ", "ldapcompare "],
        (r"ldap[a-z]+[ \t](?:[^\n|;&]*?[ \t])?-w[ \t]*", WORD),
    )
    .check(Check::Given),
    Format::behind(
        "openssl-password",
        "https://docs.openssl.org/master/man1/openssl-passphrase-options/",
        &["-pass", "openssl "],
        (r#"(?:-pass(?:in|out)?[ \t=]+["']?pass:|openssl[ \t][^\n|;&]*?[ \t]-k[ \t]+)"#, WORD),
    )
    .check(Check::Given),
    Format::behind(
        "samba-password",
        "https://www.samba.org/samba/docs/current/man-html/smbclient.1.html",
        &["smbclient ", "rpcclient ", "smbget ", "smbmap "],
        (r#"(?:smb|rpc)[a-z]+[ \t](?:[^\n|;&]*?[ \t])?(?:-U|--user)[ \t=]*["']?[^\s%"']+%"#, r#"[^\s"']{3,}"#),
    )
    .check(Check::Given),
    Format::behind(
        "net-use-password",
        "https://learn.microsoft.com/windows-server/administration/windows-commands/net-use",
        &["net use", "NET USE"],
        (r"(?i:net use)[^\n]*?(?i:/user:)\S+[ \t]+", WORD),
    )
    .check(Check::Given),
    Format::behind(
        "htpasswd-password",
        "https://httpd.apache.org/docs/current/programs/htpasswd.html",
        &["htpasswd "],
        (r"htpasswd[ \t]+(?:-[A-Za-z]*n[A-Za-z]*[ \t]+\S+[ \t]+|-[A-Za-z]+[ \t]+(?:-[A-Za-z0-9]+[ \t]+)*\S+[ \t]+\S+[ \t]+)", WORD),
    )
    .check(Check::Given),
    Format::behind(
        "rabbitmq-password",
        "https://www.rabbitmq.com/docs/man/rabbitmqctl.8",
        &["add_user ", "change_password "],
        (r"(?:add_user|change_password)[ \t]+\S+[ \t]+", WORD),
    )
    .check(Check::Given),
    Format::behind(
        "bitwarden-password",
        "https://bitwarden.com/help/cli/",
        &["bw unlock ", "bw login "],
        (r"bw[ \t](?:unlock|login[ \t]+\S+)[ \t]+", WORD),
    )
    .check(Check::Given),
    Format::behind(
        "oracle-password",
        "https://docs.oracle.com/en/database/oracle/oracle-database/23/sqpug/",
        &["sqlplus ", "jdbc:oracle:", "rman ", "expdp ", "impdp "],
        (r"(?:(?:sqlplus|rman|expdp|impdp)[ \t]+(?:-[A-Za-z]+[ \t]+|target[ \t]+)*|jdbc:oracle:[a-z0-9]+:)[^\s/@:]+/", r#"[^\s@"']{3,}@"#),
    )
    .check(Check::Given)
    .trail(1),
    Format::behind(
        "httpie-password",
        "https://httpie.io/docs/cli/authentication",
        &["http -a ", "https -a ", "http --auth", "http GET -a", "http POST -a", "xh -a "],
        (r#"(?:https?|xh)[ \t](?:[^\n|;&]*?[ \t])?(?:-a|--auth)[ \t=]+["']?[^\s:"']+:"#, r#"[^\s"']{3,}"#),
    )
    .check(Check::Given),
    Format::behind("curl-bearer", "https://curl.se/docs/manpage.html#--oauth2-bearer", &["--oauth2-bearer"], (r"--oauth2-bearer[ \t=]+", WORD))
        .check(Check::Given),
    Format::behind(
        "curl-cookie",
        "https://curl.se/docs/manpage.html#-b",
        &["curl "],
        (r#"curl [^\n|]*?(?:-b|--cookie)[ =]?["']?"#, r#"[A-Za-z0-9_.-]+=[^\s"']+"#),
    )
    .check(Check::Cookie),
    Format::behind("gh-secret", "https://cli.github.com/manual/gh_secret_set", &["secret set "], (r"secret set[ \t]+\S+[ \t][^\n|;&]*?(?:--body|-b)[ \t=]+", WORD))
        .check(Check::Given),
    Format::behind("sudo-password", "https://www.sudo.ws/docs/man/sudo.man/#S", &["echo "], (r"echo[ \t]+(?:-[en]+[ \t]+)?", PIPED)).check(Check::Given),
    Format::behind(
        "expect-password",
        "https://core.tcl-lang.org/expect/index",
        &["send ", "send -- "],
        (r#"send[ \t]+(?:--[ \t]+)?\\?""#, r#"[^"\\\r\n]{6,64}\\{1,2}[rn]"#),
    )
    .check(Check::Random)
    .trail(2),
    Format::behind(
        "sql-password",
        "https://dev.mysql.com/doc/refman/en/create-user.html",
        &["IDENTIFIED", "identified", "Identified"],
        (r#"(?i:identified[ \t]+(?:with[ \t]+["'`]?\w+["'`]?[ \t]+)?(?:by|as)[ \t]+(?:password[ \t]+)?)"#, r#"'[^'\r\n]{3,}'|"[^"\r\n]{3,}"|[A-Za-z0-9_!#]{6,}"#),
    )
    .check(Check::Given),
    Format::behind(
        "pgpass-password",
        "https://www.postgresql.org/docs/current/libpq-pgpass.html",
        &[":5432:", ":5433:", ":6432:", ":*:"],
        (r":(?:543[23]|6432|\*):[A-Za-z_*][^\s:]*:[A-Za-z_*][^\s:]*:", r"[^\s:]{4,}"),
    )
    .check(Check::Given),
    Format::behind(
        "password-hash",
        "https://man7.org/linux/man-pages/man5/crypt.5.html",
        &[":$1$", ":$5$", ":$6$", ":$y$", ":$gy$", ":$7$", ":$2a$", ":$2b$", ":$2y$", ":$apr1$", ":$argon2", " 5 $1$", " 8 $8$", " 9 $9$"],
        (r"(?::| [589] )", r"\$[a-z0-9-]+\$[^\s:]{12,}"),
    )
    .shown(1),
    Format::behind("ldap-hash", "https://www.rfc-editor.org/rfc/rfc3112", &["{SSHA", "{SHA", "{CRYPT}", "{SMD5}", "{PBKDF2"], (r"\{[A-Z0-9-]+\}", r"[A-Za-z0-9+/$.=]{20,}")),
    Format::behind("redis-acl-password", "https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/", &[" on >", " off >"], (r" (?:on|off) [>#]", r"\S{4,}")),
    Format::behind("snmp-community", "https://www.rfc-editor.org/rfc/rfc3584", &["snmp-server community ", "rocommunity ", "rwcommunity "], (r"(?:snmp-server |r[ow])community[ \t]+", r"[^\s]{4,}"))
        .check(Check::Given),
    Format::behind("postfix-password", "https://www.postfix.org/SASL_README.html", &["]:587 ", "]:465 ", "]:25 "], (r"\]:(?:587|465|25)[ \t]+[^\s:]+:", r"\S{4,}"))
        .check(Check::Given),
    Format::behind(
        "jwk-private",
        "https://www.rfc-editor.org/rfc/rfc7518#section-6",
        &["\"d\":", "\"k\":", "\"p\":", "\"q\":", "\"dp\":", "\"dq\":", "\"qi\":", "\"d\": ", "\"k\": "],
        (r#""[dkpqi]{1,2}"[ \t]{0,2}:[ \t]{0,2}""#, r"[A-Za-z0-9_-]{42,}"),
    )
    .check(Check::Random),
    Format::behind(
        "query-secret",
        "https://www.rfc-editor.org/rfc/rfc6749",
        &[
            "?key=", "&key=", "?code=", "&code=", "?auth=", "&auth=", "?sig=", "&sig=", "?signature=", "&signature=", "?hmac=", "&hmac=",
            "?session=", "&session=", "?sid=", "&sid=", "?jwt=", "&jwt=", "?ticket=", "&ticket=", "?sessionid=", "&sessionid=", "#key=",
        ],
        (r"[?&#][a-z]+=", r"[A-Za-z0-9%._~+/=-]{16,}"),
    )
    .check(Check::Strong),
    Format::behind("vault-unseal-key", "https://developer.hashicorp.com/vault/docs/concepts/seal", &["Unseal Key ", "Recovery Key "], (r"(?:Unseal|Recovery) Key [0-9]+: ", r"[A-Za-z0-9+/]{40,}={0,2}")),
    Format::behind(
        "vault-secret-id",
        "https://developer.hashicorp.com/vault/docs/auth/approle",
        &["secret_id"],
        (r#"secret_id(?:_accessor)?\\?["']?[ \t]*[:=]?[ \t]*\\?["']?"#, r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ),
    Format::behind("kubeadm-token", "https://kubernetes.io/docs/reference/setup-tools/kubeadm/kubeadm-token/", &["--token ", "token: "], (r#"(?:--)?token:?[ \t]+"#, r"[a-z0-9]{6}\.[a-z0-9]{16}")),
    Format::behind("azure-pat", "https://learn.microsoft.com/azure/devops/organizations/accounts/use-personal-access-tokens-to-authenticate", &["_PAT=", "_PAT: "], (r#"_PAT(?:=|: )["']?"#, r"[a-z0-9]{52}")),
    Format::behind(
        "initial-password",
        OWASP,
        &["password is generated", "password to proceed", "password for the elastic", "Password for the elastic"],
        (r"(?:password is generated for \S+|password to proceed to installation|[Pp]assword for the elastic user[^\n]*):(?:\s{1,12}|(?:\r?\n[^\r\n]*[ \t|>:+]{0,2}){0,1}\r?\n[^\r\n]*[ \t|>:+]|(?:\\n){1,2}[ \t]{0,8})", r"[^\s\\]{6,}"),
    )
    .wrap(Wrap::No),
    Format::behind("application-key", "https://laravel.com/docs/encryption", &["base64:"], ("base64:", r"[A-Za-z0-9+/]{43}=")),
    Format::behind("yarn-auth-ident", "https://yarnpkg.com/configuration/yarnrc#npmAuthIdent", &["npmAuthIdent"], (r#"npmAuthIdent\\?["']?:[ \t]*\\?["']?(?:[^\s:"']+:)?"#, r#"[^\s"']{6,}"#))
        .check(Check::Given),
    Format::behind("bundler-credential", "https://bundler.io/v2.6/man/bundle-config.1.html", &["BUNDLE_"], (r#"BUNDLE_[A-Z0-9]+__[A-Z0-9_]+(?:=|: )["']?"#, r#"[^\s"':]+:[^\s"']{6,}"#)),
    Format::behind("basic-auth-pair", "https://requests.readthedocs.io/en/latest/user/authentication/", &["auth=("], (r#"auth=\([ \t]*\\?["'][^"'\n]+["'][ \t]*,[ \t]*"#, r#""[^"\r\n]{4,}"|'[^'\r\n]{4,}'|\\["'][^"'\\\r\n]{4,}"#))
        .check(Check::Given),
    Format::behind("header-key", "https://www.rfc-editor.org/rfc/rfc9110#name-authorization", &["-Art-Api", "-Honeycomb-Team", "ession-Id: "], (r#"(?:-Art-Api|-Honeycomb-Team|ession-Id):[ \t]*["']?"#, r"[A-Za-z0-9+/=_-]{24,}"))
        .check(Check::Strong),
    Format::behind("session-value", OWASP, &["BW_SESSION", "TS_AUTHKEY", "_TICKET="], (r#"[A-Z_]+=["']?"#, r"[A-Za-z0-9+/=_-]{20,}")).check(Check::Strong),
    Format::behind("login-token", "https://docs.sonarsource.com/sonarqube-server/latest/analyzing-source-code/analysis-parameters/", &["sonar.login="], ("sonar.login=", r"[0-9a-zA-Z_]{20,}")),
    Format::behind("kaggle-key", "https://www.kaggle.com/docs/api", &["username\\\":", "username\":"], (r#"username\\?":[ \t]{0,2}\\?"[^"\r\n]{1,40}",[ \t]{0,2}\\?"key\\?":[ \t]{0,2}\\?""#, r"[0-9a-f]{32}")),
    Format::behind("secure-string", "https://learn.microsoft.com/powershell/module/microsoft.powershell.security/convertto-securestring", &["ConvertTo-SecureString "], (r"ConvertTo-SecureString[ \t]+(?:-String[ \t]+)?", WORD))
        .check(Check::Given),
    Format::behind("net-user-password", "https://learn.microsoft.com/windows-server/administration/windows-commands/net-user", &["net user ", "NET USER "], (r"(?i:net user)[ \t]+[^\s/]+[ \t]+", r#"[^\s/"'*-][^\s"']{3,}"#))
        .check(Check::Given),
    Format::behind("login-call", "https://docs.python.org/3/library/smtplib.html#smtplib.SMTP.login", &[".login("], (r#"\.login\(\\?["'][^"'\r\n]{1,80}["'][ \t]*,[ \t]*"#, r#""[^"\r\n]{4,}"|'[^'\r\n]{4,}'|\\["'][^"'\\\r\n]{4,}"#))
        .check(Check::Given),
    Format::behind(
        "app-password",
        "https://support.google.com/accounts/answer/185833",
        &["app password", "App password", "App Password", "app_password", "APP_PASSWORD", "APP_PASS"],
        (r#"(?i:app[ _]pass(?:word)?)\\?["']?[ \t]*(?::|=|is)[ \t]*\\?["']?"#, r#"[a-z]{4} [a-z]{4} [a-z]{4} [a-z]{4}["'\r\n,;<]"#),
    )
    .wrap(Wrap::No)
    .trail(1),
    Format::behind(
        "recovery-codes",
        "https://docs.github.com/authentication/securing-your-account-with-two-factor-authentication-2fa/configuring-two-factor-authentication-recovery-methods",
        &["ecovery code", "ecovery Code", "ackup code", "ackup Code", "ECOVERY_CODE", "ecovery_code", "ackup_code"],
        (r#"[a-z_A-Z]{3,8}[ _](?i:codes?)\\?["']?[ \t]{0,4}[:=]\s{0,8}(?:[-*][ ]|1[.)][ ])?\\?["'\[]{0,2}"#, RECOVERY),
    )
    .wrap(Wrap::No)
    .check(Check::Random),
    Format::behind("irc-oauth", "https://dev.twitch.tv/docs/chat/irc/", &["oauth:"], ("oauth:", r"[a-z0-9]{30}")),
    Format::behind("secret-value", OWASP, NAMES, (NAMED, VALUE)).check(Check::Named),
];

/// A word of a command line, or a quoted one.
pub(super) const WORD: &str =
    r#""[^"\r\n]{3,}"|'[^'\r\n]{3,}'|[^\s"'|;&<>\\-][^\s"'|;&<>\\]{2,}|\\{1,3}["'][^"'\\\r\n]{3,}"#;

/// A word that goes to a program that takes a password from its input.
const PIPED: &str = r#"["']?[^\s|<>]{3,64}[ \t]{1,4}\|[ \t]{1,4}(?:sudo[ \t]+)?(?:chpasswd|sudo[ \t]+(?:-[A-Za-z]+[ \t]+)*-S|passwd[ \t]+--stdin|docker[ \t]+login|gpg[ \t])"#;

/// Codes of one shape, one after the other.
const RECOVERY: &str = r#"[A-Za-z0-9]{4,8}-[A-Za-z0-9]{4,8}(?:["',\s]{1,8}(?:[-*] |[0-9]{1,2}[.)] )?["']?[A-Za-z0-9]{4,8}-[A-Za-z0-9]{4,8})*"#;

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
    "pass_phrase",
    "pass phrase",
    "PASS=",
    "PASS =",
    "pass =",
    "Pass =",
    "pass=",
    "Pass=",
    "pass:",
    "pass\"",
    "pass'",
    "access key",
    "Access key",
    "Access Key",
    "private key",
    "Private key",
    "Private Key",
    "passwort",
    "Passwort",
    "secret",
    "Secret",
    "SECRET",
    "token",
    "Token",
    "TOKEN",
    "credential",
    "Credential",
    "CREDENTIAL",
    "apikey",
    "ApiKey",
    "Apikey",
    "APIKEY",
    "API key",
    "api key",
    "authkey",
    "AUTHKEY",
    "skey",
    "_key",
    "_KEY",
    "-key",
    "-Key",
    "-KEY",
    "Key",
    "_pass",
    "_PASS",
    "-pass",
    ".pass",
    "_pwd",
    "_PWD",
    "pwd",
    "Pwd",
    "PWD",
    "_auth",
    "_AUTH",
    "_salt",
    "_SALT",
    "_pat",
    "_PAT",
    "_SESSION",
    "psk",
    "PSK",
    "requirepass",
    "masterauth",
    "storepass",
    "keypass",
    "bindpw",
    "rootpw",
];

/// A name and what joins it to its value: signs, an element of XML, the next argument, a pair of `name` and `value`, a
/// type, a blank.
const NAMED: &str = concat!(
    r"(?:(?i:api|secret|access|private) key|(?i:pass) phrase|[A-Za-z0-9_.-]+)(?:[ \t]\[[^\]\r\n]{0,24}\])?(?:",
    r#"\\{0,3}["']?[ \t]{0,4},?(?:\s|\\n){0,16}\\{0,3}["']?(?i:value)\\{0,3}["']?[ \t]{0,4}[:=][ \t]{0,4}(?:\\{1,3}["'])?"#,
    r#"|[ \t]?:[ \t]?[&'A-Za-z<>\[\]?|]{1,24}[ \t]?=[ \t]?(?:\\["'])?"#,
    r#"|\\{0,3}["'`]?\]?[ \t]*(?::=|=>|\|\|=?|\?\?=?|[:=])[ \t]*(?:(?:Some|Ok|String::from|[A-Za-z_.:]{0,16}Secret[A-Za-z]{0,8}(?:::(?:new|from))?|\[\]byte)\()?(?:\\{1,3}["'])?"#,
    r#"|\\?["']?[ \t]?>(?:<!\[CDATA\[)?"#,
    r#"|\\?["'][ \t]{0,4},[ \t]{0,16}(?:\\["'])?"#,
    r"|&(?:quot|#3[49]);[ \t]*[:=][ \t]*&(?:quot|#3[49]);",
    r"|%3[Dd]",
    r#"|"[ \t]{1,2}\{(?:\s{1,8}(?:description|type|sensitive)[ \t]*=[^\r\n]*)*\s{1,8}default[ \t]*=[ \t]*"#,
    r"|[ \t]{0,24}(?:\||\xE2\x94\x82)[ \t]{1,4}",
    r#"|(?:[ \t]{1,3}(?:is|was))?:?[ \t]{1,24}(?:\\["'])?"#,
    r#"|\((?:\\["'])?)"#,
);
/// A plan that changes a value tells the old and the new one.
const VALUE: &str = r#""(?:[^"\\\r\n]|\\[^\r\n]){4,}"?(?: -> "(?:[^"\\\r\n]|\\[^\r\n]){4,}")?|'(?:[^'\\\r\n]|\\[^\r\n]){4,}'?|[^\s"'`,;&<>\\]{4,}"#;
