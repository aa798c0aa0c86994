//! Providers of models.

use super::Format;

pub(super) const FORMATS: &[Format] = &[
    Format::token(
        "anthropic-key",
        "https://docs.anthropic.com/en/api/overview",
        &["sk-ant-"],
        r"sk-ant-[a-z0-9]+-[A-Za-z0-9_-]{20,}",
    ),
    Format::token(
        "openrouter-key",
        "https://openrouter.ai/docs/api-reference/authentication",
        &["sk-or-"],
        r"sk-or-v1-[0-9a-f]{40,}",
    ),
    Format::token(
        "openai-key",
        "https://platform.openai.com/docs/api-reference/authentication",
        &["sk-"],
        r"sk-(?:(?:proj|svcacct|admin|service|None)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{20,}(?:[A-Za-z0-9_-]{12,})?)",
    ),
    Format::token(
        "openai-session",
        "https://platform.openai.com/docs/api-reference/authentication",
        &["sess-"],
        r"sess-[A-Za-z0-9]{40}",
    ),
    Format::token(
        "huggingface-token",
        "https://huggingface.co/docs/hub/security-tokens",
        &["hf_", "api_org_"],
        r"(?:hf|api_org)_[A-Za-z0-9]{34,}",
    ),
    Format::token("groq-key", "https://console.groq.com/docs/quickstart", &["gsk_"], r"gsk_[A-Za-z0-9]{48,}"),
    Format::token("xai-key", "https://docs.x.ai/docs/overview", &["xai-"], r"xai-[A-Za-z0-9]{70,}"),
    Format::token(
        "replicate-token",
        "https://replicate.com/docs/reference/http#authentication",
        &["r8_"],
        r"r8_[A-Za-z0-9]{37,}",
    ),
    Format::token(
        "perplexity-key",
        "https://docs.perplexity.ai/guides/getting-started",
        &["pplx-"],
        r"pplx-[A-Za-z0-9]{40,}",
    ),
    Format::token("nvidia-key", "https://docs.nvidia.com/nim/", &["nvapi-"], r"nvapi-[A-Za-z0-9_-]{60,}"),
    Format::token(
        "langsmith-key",
        "https://docs.smith.langchain.com/administration/how_to_guides/organization_management/create_account_api_key",
        &["lsv2_", "ls__"],
        r"(?:lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}|ls__[0-9a-f]{32})",
    ),
    Format::token(
        "langfuse-key",
        "https://langfuse.com/docs/api",
        &["sk-lf-"],
        r"sk-lf-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    ),
    Format::token(
        "pinecone-key",
        "https://docs.pinecone.io/guides/get-started/authentication",
        &["pcsk_"],
        r"pcsk_[A-Za-z0-9]{5,}_[A-Za-z0-9]{50,}",
    ),
    Format::token(
        "tavily-key",
        "https://docs.tavily.com/documentation/api-reference/introduction",
        &["tvly-"],
        r"tvly-(?:dev-|prod-)?[A-Za-z0-9_-]{28,}",
    ),
    Format::token(
        "fireworks-key",
        "https://docs.fireworks.ai/api-reference/introduction",
        &["fw_"],
        r"fw_[A-Za-z0-9]{22,}",
    ),
    Format::token("cerebras-key", "https://inference-docs.cerebras.ai/quickstart", &["csk-"], r"csk-[a-z0-9]{40,}"),
    Format::token(
        "wandb-key",
        "https://docs.wandb.ai/support/find_api_key/",
        &["wandb_v1_"],
        r"wandb_v1_[A-Za-z0-9_-]{40,}",
    ),
    Format::token(
        "elevenlabs-key",
        "https://elevenlabs.io/docs/api-reference/authentication",
        &["sk_"],
        r"sk_[0-9a-f]{48}",
    ),
    Format::token("firecrawl-key", "https://docs.firecrawl.dev/introduction", &["fc-"], r"fc-[0-9a-f]{32}"),
    Format::token("jina-key", "https://jina.ai/embeddings/", &["jina_"], r"jina_[A-Za-z0-9_-]{50,}"),
    Format::token("runpod-key", "https://docs.runpod.io/get-started/api-keys", &["rpa_"], r"rpa_[A-Za-z0-9]{40,}"),
    Format::token("context7-key", "https://context7.com/docs/howto/api-keys", &["ctx7sk-"], r"ctx7sk-[0-9a-f-]{36}"),
];
