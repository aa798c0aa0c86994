//! Payment and trade.

use super::Format;

pub(super) const FORMATS: &[Format] = &[
    Format::token(
        "stripe-key",
        "https://docs.stripe.com/keys",
        &["sk_live_", "sk_test_", "rk_live_", "rk_test_", "sk_org_"],
        r"[sr]k_(?:live|test|org)_[A-Za-z0-9_]{16,}",
    ),
    Format::token(
        "stripe-webhook-secret",
        "https://docs.stripe.com/webhooks/signature",
        &["whsec_"],
        r"whsec_[A-Za-z0-9+/=]{24,}",
    ),
    Format::token(
        "square-token",
        "https://developer.squareup.com/docs/build-basics/access-tokens",
        &["sq0atp-", "sq0csp-", "sq0idp-", "EAAA"],
        r"(?:sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{22,}|EAAA[A-Za-z0-9_-]{60})",
    ),
    Format::token(
        "shopify-token",
        "https://shopify.dev/docs/apps/build/authentication-authorization",
        &["shpat_", "shpca_", "shppa_", "shpss_", "shpua_", "shptka_"],
        r"shp(?:at|ca|pa|ss|ua|tka)_[0-9a-fA-F]{32}",
    ),
    Format::token(
        "braintree-token",
        "https://developer.paypal.com/braintree/docs",
        &["access_token$"],
        r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}",
    ),
    Format::token(
        "adyen-key",
        "https://docs.adyen.com/development-resources/api-credentials/",
        &["AQE"],
        r"AQE[a-z][A-Za-z0-9+/]{60,}-[A-Za-z0-9+/=]{30,}-[A-Za-z0-9<>(){}+;:,.!?/&%^*~|]{8,}",
    ),
    Format::token(
        "razorpay-key",
        "https://razorpay.com/docs/payments/dashboard/account-settings/api-keys/",
        &["rzp_live_", "rzp_test_"],
        r"rzp_(?:live|test)_[A-Za-z0-9]{14,}",
    ),
    Format::token(
        "flutterwave-key",
        "https://developer.flutterwave.com/docs/authentication",
        &["FLWSECK"],
        r"FLWSECK(?:_TEST)?-[A-Za-z0-9]{12,}-X",
    ),
    Format::token(
        "gocardless-token",
        "https://developer.gocardless.com/api-reference/",
        &["live_", "sandbox_"],
        r"(?:live|sandbox)_[A-Za-z0-9_=-]{40}",
    ),
    Format::token(
        "plaid-token",
        "https://plaid.com/docs/api/tokens/",
        &["access-sandbox-", "access-production-", "access-development-"],
        r"access-(?:sandbox|development|production)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    ),
    Format::token(
        "easypost-key",
        "https://docs.easypost.com/docs/authentication",
        &["EZAK", "EZTK"],
        r"EZ[AT]K[A-Za-z0-9]{54}",
    ),
    Format::token(
        "shippo-token",
        "https://docs.goshippo.com/docs/guides_general/authentication/",
        &["shippo_live_", "shippo_test_"],
        r"shippo_(?:live|test)_[0-9a-f]{40}",
    ),
    Format::token(
        "duffel-token",
        "https://duffel.com/docs/api/overview/making-requests",
        &["duffel_live_", "duffel_test_"],
        r"duffel_(?:live|test)_[A-Za-z0-9_=-]{43}",
    ),
    Format::token(
        "paddle-key",
        "https://developer.paddle.com/api-reference/about/authentication",
        &["pdl_"],
        r"pdl_(?:live_|sdbx_)?(?:apikey|ntfset)_[A-Za-z0-9]{20,}(?:_[A-Za-z0-9]+)*",
    ),
];
