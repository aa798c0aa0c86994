//! Clouds and the tools that run them.

use super::super::check::Check;
use super::super::rule::Edge;
use super::Format;

pub(super) const FORMATS: &[Format] = &[
    Format::token(
        "aws-access-key-id",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
        &["AKIA", "ASIA", "ABIA", "ACCA", "A3T"],
        r"A(?:KIA|SIA|BIA|CCA|3T[A-Z0-9])[A-Z2-7]{16}",
    ),
    Format::token(
        "aws-bedrock-key",
        "https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html",
        &["ABSKQmVkcm9ja0FQSUtleS", "bedrock-api-key-"],
        r"(?:ABSK[A-Za-z0-9+/]{100,}={0,2}|bedrock-api-key-[A-Za-z0-9+/=]{20,})",
    ),
    Format::behind(
        "aws-session-token",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_use-resources.html",
        &[
            "ession_token",
            "ession_TOKEN",
            "ESSION_TOKEN",
            "essionToken",
            "ecurity-Token",
            "ecurity_token",
            "ecurity-token",
        ],
        (r#"[A-Za-z_-]{12,13}\\?["']?[ \t]{0,4}[:=][ \t]{0,4}\\?["']?"#, r"[A-Za-z0-9+/]{60,}={0,2}"),
    ),
    Format::behind(
        "aws-signature",
        "https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html",
        &["X-Amz-Signature", "x-amz-signature", "Signature="],
        (r"(?i:(?:x-amz-)?signature)(?:=|%3D)", r"[0-9a-f]{64,}|[A-Za-z0-9%+/~_-]{26,}={0,2}"),
    )
    .check(Check::Strong),
    Format::token(
        "google-api-key",
        "https://cloud.google.com/docs/authentication/api-keys",
        &["AIza"],
        r"AIza[A-Za-z0-9_-]{35}",
    ),
    Format::token(
        "google-oauth-token",
        "https://developers.google.com/identity/protocols/oauth2",
        &["ya29."],
        r"ya29\.[A-Za-z0-9_.-]{20,}",
    ),
    Format::token(
        "google-refresh-token",
        "https://developers.google.com/identity/protocols/oauth2",
        &["1//0"],
        r"1//0[A-Za-z0-9_-]{40,}",
    ),
    Format::token(
        "google-oauth-client-secret",
        "https://support.google.com/cloud/answer/15549257",
        &["GOCSPX-"],
        r"GOCSPX-[A-Za-z0-9_-]{28}",
    ),
    Format::behind(
        "google-private-key-id",
        "https://cloud.google.com/iam/docs/keys-create-delete",
        &["private_key_id"],
        (r#"private_key_id\\?["']?[ \t]*:[ \t]*\\?["']"#, r"[0-9a-f]{40}"),
    ),
    Format::token(
        "google-hmac-key",
        "https://cloud.google.com/storage/docs/authentication/hmackeys",
        &["GOOG1"],
        r"GOOG1[A-Z0-9]{19,56}",
    ),
    Format::behind(
        "azure-storage-key",
        "https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string",
        &["AccountKey", "SharedAccessKey", "accountKey", "account_key", "sharedAccessKey"],
        (r#"[A-Za-z_]{10,15}\\?["']?[ \t]{0,4}[:=][ \t]{0,4}\\?["']?"#, r"[A-Za-z0-9+/]{40,}={0,2}"),
    ),
    Format::behind(
        "azure-sas-signature",
        "https://learn.microsoft.com/azure/storage/common/storage-sas-overview",
        &["sig="],
        (r"sig=", r"[A-Za-z0-9%+/]{43,}(?:%3D|%3d|=)"),
    ),
    Format::token(
        "azure-client-secret",
        "https://learn.microsoft.com/entra/identity-platform/howto-create-service-principal-portal",
        &["7Q~", "8Q~"],
        r"[78]Q~[A-Za-z0-9_.~-]{31,34}",
    )
    .edge(Edge::Any),
    Format::token(
        "azure-devops-token",
        "https://learn.microsoft.com/azure/devops/organizations/accounts/use-personal-access-tokens-to-authenticate",
        &["AZDO"],
        r"AZDO[A-Za-z0-9]{80}",
    )
    .edge(Edge::Any),
    Format::token(
        "alibaba-access-key-id",
        "https://www.alibabacloud.com/help/en/ram/user-guide/create-an-accesskey-pair",
        &["LTAI"],
        r"LTAI[A-Za-z0-9]{12,26}",
    ),
    Format::token(
        "tencent-secret-id",
        "https://www.tencentcloud.com/document/product/598/34227",
        &["AKID"],
        r"AKID[A-Za-z0-9]{32}",
    ),
    Format::token(
        "digitalocean-token",
        "https://docs.digitalocean.com/reference/api/create-personal-access-token/",
        &["dop_v1_", "doo_v1_", "dor_v1_"],
        r"do[opr]_v1_[0-9a-f]{64}",
    ),
    Format::token(
        "flyio-token",
        "https://fly.io/docs/security/tokens/",
        &["fo1_", "fm1_", "fm1r_", "fm2_"],
        r"(?:fo1_[A-Za-z0-9_-]{43}|fm[12]r?_[A-Za-z0-9+/=_,-]{60,})",
    ),
    Format::token(
        "heroku-token",
        "https://devcenter.heroku.com/articles/oauth",
        &["HRKU-"],
        r"HRKU-[A-Za-z0-9_-]{36,}",
    ),
    Format::token(
        "vault-token",
        "https://developer.hashicorp.com/vault/docs/concepts/tokens",
        &["hvs.", "hvb.", "hvr."],
        r"hv[sbr]\.[A-Za-z0-9_-]{24,}",
    ),
    Format::token(
        "terraform-token",
        "https://developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens",
        &[".atlasv1."],
        r"\.atlasv1\.[A-Za-z0-9_=-]{60,}",
    )
    .edge(Edge::Any),
    Format::token(
        "pulumi-token",
        "https://www.pulumi.com/docs/pulumi-cloud/access-management/access-tokens/",
        &["pul-"],
        r"pul-[0-9a-f]{40}",
    ),
    Format::token(
        "cloudflare-key",
        "https://developers.cloudflare.com/fundamentals/api/get-started/ca-keys/",
        &["v1.0-"],
        r"v1\.0-[0-9a-f]{24}-[0-9a-f]{146}",
    ),
    Format::token(
        "cloudflare-token",
        "https://developers.cloudflare.com/fundamentals/api/get-started/create-token/",
        &["cfut_", "cfat_", "cfk_"],
        r"cf(?:ut|at|k)_[A-Za-z0-9_-]{40,}",
    ),
    Format::token("scaleway-key", "https://www.scaleway.com/en/docs/iam/concepts/", &["SCW"], r"SCW[A-Z0-9]{17}"),
    Format::token(
        "databricks-token",
        "https://docs.databricks.com/dev-tools/auth/pat.html",
        &["dapi", "dkea", "dose"],
        r"d(?:api|kea|ose)[0-9a-f]{32}(?:-[0-9])?",
    ),
    Format::token(
        "doppler-token",
        "https://docs.doppler.com/reference/auth-token-formats",
        &["dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."],
        r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}",
    ),
    Format::token(
        "1password-token",
        "https://developer.1password.com/docs/service-accounts/",
        &["ops_eyJ"],
        r"ops_eyJ[A-Za-z0-9+/=_-]{100,}",
    ),
    Format::token(
        "1password-secret-key",
        "https://support.1password.com/secret-key/",
        &["A3-"],
        r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}",
    ),
    Format::token(
        "age-secret-key",
        "https://github.com/C2SP/C2SP/blob/main/age.md",
        &["AGE-SECRET-KEY-"],
        r"AGE-SECRET-KEY-(?:PQ-)?1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58,}",
    ),
    Format::token(
        "infisical-token",
        "https://infisical.com/docs/documentation/platform/token",
        &["st."],
        r"st\.[0-9a-f]{24}\.[0-9a-f]{32}\.[0-9a-f]{32}",
    ),
    Format::token(
        "openshift-token",
        "https://docs.openshift.com/container-platform/latest/authentication/managing-oauth-access-tokens.html",
        &["sha256~"],
        r"sha256~[A-Za-z0-9_-]{43}",
    ),
    Format::token(
        "tailscale-key",
        "https://tailscale.com/kb/1085/auth-keys",
        &["tskey-"],
        r"tskey-[a-z]+-[A-Za-z0-9]{8,}(?:-[A-Za-z0-9]{16,})?",
    ),
    Format::token(
        "fastly-token",
        "https://www.fastly.com/documentation/reference/api/auth-tokens/",
        &["fastly_"],
        r"fastly_[A-Za-z0-9_-]{32,}",
    ),
    Format::token(
        "planetscale-token",
        "https://planetscale.com/docs/api/reference/service-tokens",
        &["pscale_"],
        r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,}",
    ),
    Format::token(
        "supabase-key",
        "https://supabase.com/docs/guides/api/api-keys",
        &["sbp_", "sb_secret_"],
        r"(?:sbp_(?:v0_|oauth_)?[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{20,})",
    ),
    Format::token(
        "netlify-token",
        "https://docs.netlify.com/api/get-started/",
        &["nfp_", "nfc_", "nfo_", "nfu_", "nfb_"],
        r"nf[pcoub]_[A-Za-z0-9]{36,}",
    ),
    Format::token(
        "vercel-token",
        "https://vercel.com/docs/rest-api",
        &["vcp_", "vci_", "vca_", "vcr_", "vck_", "vercel_blob_rw_"],
        r"(?:vc[piark]_[A-Za-z0-9]{24,}|vercel_blob_rw_[A-Za-z0-9]{16,}(?:_[A-Za-z0-9]{16,})?)",
    ),
    Format::token("render-key", "https://render.com/docs/api", &["rnd_"], r"rnd_[A-Za-z0-9]{28,}"),
    Format::token(
        "yandex-key",
        "https://yandex.cloud/docs/iam/concepts/authorization/api-key",
        &["AQVN", "YCAJ", "YCM", "YCN", "t1."],
        r"(?:AQVN[A-Za-z0-9_-]{35,38}|YCAJ[A-Za-z0-9_-]{20,}|YC[MN][A-Za-z0-9_-]{37}|t1\.[A-Z0-9a-z_-]{80,}={0,2}\.[A-Z0-9a-z_-]{86}={0,2})",
    ),
    Format::token(
        "ibm-key",
        "https://cloud.ibm.com/docs/account?topic=account-userapikey",
        &["ApiKey-"],
        r"ApiKey-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    ),
];
