//! Chat, mail and phone.

use super::super::check::Check;
use super::super::rule::{Edge, Follows};
use super::Format;

pub(super) const FORMATS: &[Format] = &[
    Format::token(
        "slack-token",
        "https://api.slack.com/concepts/token-types",
        &["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxo-", "xoxe-", "xoxe.", "xoxc-", "xoxd-"],
        r"xox(?:[bparsocd]-|e-|e\.xox[bp]-)[A-Za-z0-9%-]{10,}",
    ),
    Format::token(
        "slack-app-token",
        "https://api.slack.com/concepts/token-types",
        &["xapp-", "xwfp-"],
        r"x(?:app|wfp)-[0-9]-?[A-Za-z0-9-]{20,}",
    ),
    Format::behind(
        "slack-webhook",
        "https://api.slack.com/messaging/webhooks",
        &["hooks.slack.com/", "hooks.slack-gov.com/"],
        (r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/", r"[A-Za-z0-9/_-]{20,}"),
    ),
    Format::behind(
        "discord-webhook",
        "https://discord.com/developers/docs/resources/webhook",
        &["/api/webhooks/"],
        (r"/api/webhooks/[0-9]{15,21}/", r"[A-Za-z0-9_-]{60,}"),
    ),
    // The first part is the number of the bot in base64: it begins with two digits.
    Format::token(
        "discord-bot-token",
        "https://discord.com/developers/docs/reference#authentication",
        &[
            "MTA", "MTE", "MTI", "MTM", "MTQ", "MTU", "MTY", "MTc", "MTg", "MTk", "MjA", "MjE", "MjI", "MjM", "MjQ",
            "MjU", "MjY", "Mjc", "Mjg", "Mjk", "MzA", "MzE", "MzI", "MzM", "MzQ", "MzU", "MzY", "Mzc", "Mzg", "Mzk",
            "NDA", "NDE", "NDI", "NDM", "NDQ", "NDU", "NDY", "NDc", "NDg", "NDk", "NTA", "NTE", "NTI", "NTM", "NTQ",
            "NTU", "NTY", "NTc", "NTg", "NTk", "NjA", "NjE", "NjI", "NjM", "NjQ", "NjU", "NjY", "Njc", "Njg", "Njk",
            "NzA", "NzE", "NzI", "NzM", "NzQ", "NzU", "NzY", "Nzc", "Nzg", "Nzk", "ODA", "ODE", "ODI", "ODM", "ODQ",
            "ODU", "ODY", "ODc", "ODg", "ODk", "OTA", "OTE", "OTI", "OTM", "OTQ", "OTU", "OTY", "OTc", "OTg", "OTk",
        ],
        r"[MNO][A-Za-z0-9]{22,27}\.[A-Za-z0-9_-]{5,7}\.[A-Za-z0-9_-]{27,40}",
    )
    .edge(Edge::Token),
    Format::behind(
        "teams-webhook",
        "https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook",
        &[".webhook.office.com/"],
        (r"\.webhook\.office\.com/webhookb2/", r"[A-Za-z0-9@/-]{60,}"),
    ),
    Format::behind(
        "telegram-bot-token",
        "https://core.telegram.org/bots/api#authorizing-your-bot",
        &[":AA"],
        (":", r"AA[A-Za-z0-9_-]{33}"),
    )
    .check(Check::BehindNumber)
    .shown(1),
    Format::token(
        "sendgrid-key",
        "https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys",
        &["SG."],
        r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{30,}",
    )
    .edge(Edge::Token),
    Format::token(
        "mailgun-key",
        "https://documentation.mailgun.com/docs/mailgun/user-manual/api-key-mgmt/rbac-mgmt",
        &["key-", "pubkey-"],
        r"(?:pub)?key-[0-9a-f]{32}",
    )
    .edge(Edge::Token),
    Format::token(
        "mandrill-key",
        "https://mailchimp.com/developer/transactional/docs/fundamentals/",
        &["md-"],
        r"md-[A-Za-z0-9_-]{22}",
    ),
    Format::token(
        "resend-key",
        "https://resend.com/docs/api-reference/introduction",
        &["re_"],
        r"re_[A-Za-z0-9]{6,10}_[A-Za-z0-9]{20,}",
    ),
    Format::token(
        "brevo-key",
        "https://developers.brevo.com/docs/getting-started",
        &["xkeysib-", "xsmtpsib-"],
        r"x(?:key|smtp)sib-[0-9a-f]{64}-[A-Za-z0-9]{16}",
    ),
    Format::token(
        "twilio-key",
        "https://www.twilio.com/docs/iam/api-keys",
        &[
            "SK0", "SK1", "SK2", "SK3", "SK4", "SK5", "SK6", "SK7", "SK8", "SK9", "SKa", "SKb", "SKc", "SKd", "SKe",
            "SKf",
        ],
        r"SK[0-9a-f]{32}",
    )
    .follows(Follows::Hex),
    Format::token(
        "facebook-token",
        "https://developers.facebook.com/docs/facebook-login/guides/access-tokens",
        &["EAA"],
        r"EAA[A-Za-z0-9]{60,}",
    ),
    Format::token(
        "twitter-bearer",
        "https://developer.x.com/en/docs/authentication/oauth-2-0/bearer-tokens",
        &["AAAAAAAAAAAAAAAAAAAA"],
        r"A{20,}[A-Za-z0-9%]{40,}",
    ),
    Format::token(
        "instagram-token",
        "https://developers.facebook.com/docs/instagram-platform",
        &["IGQ", "IGAA"],
        r"IG(?:Q|AA)[A-Za-z0-9_-]{60,}",
    ),
];
