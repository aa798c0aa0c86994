//! Monitoring, collaboration and other services.

use super::Format;

pub(super) const FORMATS: &[Format] = &[
    Format::token(
        "grafana-token",
        "https://grafana.com/docs/grafana/latest/administration/service-accounts/",
        &["glsa_", "glc_", "eyJrIjoi"],
        r"(?:glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}|glc_[A-Za-z0-9+/]{32,}={0,2}|eyJrIjoi[A-Za-z0-9+/]{60,}={0,2})",
    ),
    Format::token(
        "newrelic-key",
        "https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/",
        &["NRAK-", "NRIQ-", "NRII-", "NRAA-", "NRRA-", "NRJS-", "NRSP-"],
        r"NR(?:AK|IQ|II|AA|RA|JS|SP)-[A-Za-z0-9_-]{19,}",
    ),
    Format::token(
        "sentry-token",
        "https://docs.sentry.io/account/auth-tokens/",
        &["sntrys_", "sntryu_", "sntrya_", "sntryi_"],
        r"sntry[suai]_[A-Za-z0-9+/=_-]{40,}",
    ),
    Format::token(
        "dynatrace-token",
        "https://docs.dynatrace.com/docs/manage/identity-access-management/access-tokens-and-oauth-clients",
        &["dt0c01.", "dt0s01.", "dt0s02.", "dt0s16."],
        r"dt0[cs](?:01|02|16)\.[A-Z0-9]{8,24}\.[A-Z0-9]{64}",
    ),
    Format::token(
        "honeycomb-key",
        "https://docs.honeycomb.io/configure/environments/manage-api-keys/",
        &["hcaik_", "hcxik_", "hcamk_", "hcalk_"],
        r"hc[ax](?:ik|mk|lk)_[A-Za-z0-9]{40,}",
    ),
    Format::token("posthog-key", "https://posthog.com/docs/api", &["phc_", "phx_"], r"ph[cx]_[A-Za-z0-9]{40,}"),
    Format::token(
        "airtable-token",
        "https://airtable.com/developers/web/guides/personal-access-tokens",
        &["pat"],
        r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}",
    ),
    Format::token(
        "linear-key",
        "https://linear.app/developers/graphql",
        &["lin_api_", "lin_oauth_"],
        r"lin_(?:api|oauth)_[A-Za-z0-9]{32,}",
    ),
    Format::token(
        "notion-token",
        "https://developers.notion.com/docs/authorization",
        &["ntn_", "secret_"],
        r"(?:ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43})",
    ),
    Format::token(
        "figma-token",
        "https://www.figma.com/developers/api#access-tokens",
        &["figd_", "figo_", "figu_"],
        r"fig[dou]_[A-Za-z0-9_-]{38,}",
    ),
    Format::token(
        "clickup-token",
        "https://developer.clickup.com/docs/authentication",
        &["pk_"],
        r"pk_[0-9]{6,12}_[A-Z0-9]{32}",
    ),
    Format::token(
        "postman-key",
        "https://learning.postman.com/docs/developer/postman-api/authentication/",
        &["PMAK-"],
        r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}",
    ),
    Format::token(
        "readme-key",
        "https://docs.readme.com/main/reference/intro/authentication",
        &["rdme_"],
        r"rdme_[a-z0-9]{70}",
    ),
    Format::token(
        "hubspot-token",
        "https://developers.hubspot.com/docs/api/private-apps",
        &["pat-na", "pat-eu", "pat-ap"],
        r"pat-(?:na|eu|ap)[0-9]?-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    ),
    Format::token(
        "contentful-token",
        "https://www.contentful.com/developers/docs/references/authentication/",
        &["CFPAT-"],
        r"CFPAT-[A-Za-z0-9_-]{43,}",
    ),
    Format::token(
        "typeform-token",
        "https://www.typeform.com/developers/get-started/personal-access-token/",
        &["tfp_"],
        r"tfp_[A-Za-z0-9_.=-]{40,}",
    ),
    Format::token(
        "mapbox-token",
        "https://docs.mapbox.com/help/getting-started/access-tokens/",
        &["sk.eyJ", "tk.eyJ"],
        r"[st]k\.eyJ[A-Za-z0-9_-]{40,}\.[A-Za-z0-9_-]{20,}",
    ),
    Format::token(
        "frameio-token",
        "https://developer.frame.io/docs/getting-started/authentication",
        &["fio-u-"],
        r"fio-u-[A-Za-z0-9_=-]{64}",
    ),
    Format::token(
        "okta-token",
        "https://developer.okta.com/docs/guides/create-an-api-token/main/",
        &["SSWS "],
        r"SSWS 00[A-Za-z0-9_-]{40}",
    ),
    Format::token(
        "confluent-secret",
        "https://docs.confluent.io/cloud/current/security/authenticate/workload-identities/service-accounts/api-keys/overview.html",
        &["cflt"],
        r"cflt[A-Za-z0-9+/]{60}",
    ),
    Format::token(
        "settlemint-token",
        "https://console.settlemint.com/documentation/docs/using-platform/personal-access-tokens/",
        &["sm_pat_", "sm_aat_", "sm_sat_"],
        r"sm_[pas]at_[A-Za-z0-9]{16,}",
    ),
    Format::token(
        "dropbox-token",
        "https://www.dropbox.com/developers/reference/oauth-guide",
        &["sl."],
        r"sl\.(?:u\.)?[A-Za-z0-9_-]{100,}",
    ),
    Format::token("segment-token", "https://segment.com/docs/api/public-api/", &["sgp_"], r"sgp_[A-Za-z0-9]{64,}"),
    Format::token(
        "mongodb-atlas-secret",
        "https://www.mongodb.com/docs/atlas/api/service-accounts/generate-oauth2-token/",
        &["mdb_sa_sk_"],
        r"mdb_sa_sk_[A-Za-z0-9_-]{40,}",
    ),
    Format::token("neon-key", "https://neon.com/docs/manage/api-keys", &["napi_"], r"napi_[a-z0-9]{50,}"),
    Format::token(
        "tinybird-token",
        "https://www.tinybird.co/docs/",
        &["p.eyJ"],
        r"p\.eyJ[A-Za-z0-9_-]{30,}\.[A-Za-z0-9_-]{20,}",
    ),
];
