/// <reference path="../../sandbox/runtime/isoscan.d.ts" />

/** What a key of each provider looks like. Data only: `plugin.ts` applies it. */

export interface Rule {
  /** `vuln_type` of the finding. */
  id: string;
  title: string;
  severity: IsoscanSeverity;
  confidence: IsoscanConfidence;
  /** One of these must occur before the pattern is tried. */
  hints: string[];
  /**
   * Global. Group 1, when there is one, is the secret, else the whole match.
   * Every unbounded run is fenced by a look-behind on its own class, so that no
   * character is visited from two starting points.
   */
  pattern: RegExp;
  /** Shannon entropy in bits per character below which it is no key. */
  minEntropy?: number;
  /** A word that must stand somewhere in the text, compared without case. */
  near?: string;
  /** How to get rid of it; the general advice when absent. */
  remediation?: string;
}

const high = { severity: "high", confidence: "high" } as const;
const critical = { severity: "critical", confidence: "high" } as const;

export const RULES: Rule[] = [
  {
    id: "aws-access-key-id",
    title: "AWS access key ID in a response",
    severity: "medium",
    confidence: "high",
    hints: ["AKIA", "ASIA"],
    pattern: /(?<![A-Za-z0-9+/])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9+/])/g,
    minEntropy: 2.8,
  },
  {
    id: "aws-secret-access-key",
    title: "AWS secret access key in a response",
    ...critical,
    hints: ["ecret"],
    pattern:
      /(?:aws_?secret_?(?:access_?)?key|secret_?access_?key)["']?\s{0,4}[:=]\s{0,4}["']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])/gi,
    minEntropy: 4,
  },
  {
    id: "google-api-key",
    title: "Google API key in a response",
    severity: "medium",
    confidence: "medium",
    hints: ["AIza"],
    pattern: /(?<![\w-])AIza[\w-]{35}(?![\w-])/g,
    minEntropy: 3.5,
    remediation:
      "Restrict the key to the APIs, referrers or addresses that need it; move server-side use to a service account.",
  },
  {
    id: "google-oauth-secret",
    title: "Google OAuth client secret in a response",
    ...high,
    hints: ["GOCSPX-"],
    pattern: /(?<![\w-])GOCSPX-[\w-]{28}(?![\w-])/g,
  },
  {
    id: "github-token",
    title: "GitHub token in a response",
    ...critical,
    hints: ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
    pattern: /(?<!\w)(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})(?!\w)/g,
  },
  {
    id: "gitlab-token",
    title: "GitLab token in a response",
    ...critical,
    hints: ["glpat-", "gldt-", "glrt-", "glptt-"],
    pattern: /(?<![\w-])(?:glpat|gldt|glrt|glptt)-[\w-]{20,64}(?![\w-])/g,
  },
  {
    id: "slack-token",
    title: "Slack token in a response",
    ...high,
    hints: ["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xapp-"],
    pattern:
      /(?<![\w-])(?:xox[abprs]-\d{8,14}-[A-Za-z0-9-]{16,128}|xapp-\d-[A-Z0-9]{8,16}-\d{8,14}-[a-z0-9]{32,128})(?![\w-])/g,
  },
  {
    id: "slack-webhook",
    title: "Slack webhook URL in a response",
    severity: "medium",
    confidence: "high",
    hints: ["hooks.slack.com"],
    pattern:
      /https:\/\/hooks\.slack\.com\/services\/(T[A-Z0-9]{8,12}\/B[A-Z0-9]{8,12}\/[A-Za-z0-9]{24})(?!\w)/g,
  },
  {
    id: "stripe-secret-key",
    title: "Stripe live secret key in a response",
    ...critical,
    hints: ["k_live_"],
    pattern: /(?<!\w)[sr]k_live_[A-Za-z0-9]{24,128}(?!\w)/g,
  },
  {
    id: "stripe-test-key",
    title: "Stripe test secret key in a response",
    severity: "low",
    confidence: "high",
    hints: ["k_test_"],
    pattern: /(?<!\w)[sr]k_test_[A-Za-z0-9]{24,128}(?!\w)/g,
  },
  {
    id: "stripe-webhook-secret",
    title: "Stripe webhook signing secret in a response",
    ...high,
    hints: ["whsec_"],
    pattern: /(?<!\w)whsec_[A-Za-z0-9+/]{32,64}(?![\w+/])/g,
  },
  {
    id: "openai-api-key",
    title: "OpenAI API key in a response",
    ...critical,
    hints: ["sk-"],
    pattern:
      /(?<![\w-])sk-(?:(?:proj|svcacct|admin)-[\w-]{40,200}|[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})(?![\w-])/g,
  },
  {
    id: "anthropic-api-key",
    title: "Anthropic API key in a response",
    ...critical,
    hints: ["sk-ant-"],
    pattern: /(?<![\w-])sk-ant-(?:api|admin)\d{2}-[\w-]{80,120}(?![\w-])/g,
  },
  {
    id: "huggingface-token",
    title: "Hugging Face token in a response",
    ...high,
    hints: ["hf_"],
    pattern: /(?<!\w)hf_[A-Za-z]{34}(?!\w)/g,
  },
  {
    id: "sendgrid-api-key",
    title: "SendGrid API key in a response",
    ...critical,
    hints: ["SG."],
    pattern: /(?<![\w.-])SG\.[\w-]{22}\.[\w-]{43}(?![\w-])/g,
  },
  {
    id: "mailgun-api-key",
    title: "Mailgun API key in a response",
    ...high,
    hints: ["key-"],
    near: "mailgun",
    pattern: /(?<![\w-])key-[0-9a-f]{32}(?![\w-])/g,
  },
  {
    id: "mailchimp-api-key",
    title: "Mailchimp API key in a response",
    ...high,
    hints: ["-us"],
    near: "mailchimp",
    pattern: /(?<![\w-])[0-9a-f]{32}-us\d{1,2}(?![\w-])/g,
  },
  {
    id: "twilio-auth-token",
    title: "Twilio auth token in a response",
    ...high,
    hints: ["AC"],
    near: "twilio",
    pattern: /auth_?token["']?\s{0,4}[:=]\s{0,4}["']?([0-9a-f]{32})(?![0-9a-z])/gi,
  },
  {
    id: "twilio-api-key",
    title: "Twilio API key SID in a response",
    severity: "low",
    confidence: "medium",
    hints: ["SK"],
    near: "twilio",
    pattern: /(?<!\w)SK[0-9a-f]{32}(?!\w)/g,
  },
  {
    id: "npm-token",
    title: "npm access token in a response",
    ...critical,
    hints: ["npm_"],
    pattern: /(?<!\w)npm_[A-Za-z0-9]{36}(?!\w)/g,
  },
  {
    id: "pypi-token",
    title: "PyPI upload token in a response",
    ...critical,
    hints: ["pypi-AgE"],
    pattern: /(?<![\w-])pypi-AgEIcHlwaS5vcmc[\w-]{50,300}(?![\w-])/g,
  },
  {
    id: "docker-token",
    title: "Docker Hub access token in a response",
    ...high,
    hints: ["dckr_pat_"],
    pattern: /(?<!\w)dckr_pat_[\w-]{27}(?![\w-])/g,
  },
  {
    id: "azure-storage-key",
    title: "Azure storage account key in a response",
    ...critical,
    hints: ["AccountKey="],
    pattern: /AccountKey=([A-Za-z0-9+/]{86}==)/g,
  },
  {
    id: "azure-client-secret",
    title: "Microsoft Entra client secret in a response",
    severity: "high",
    confidence: "medium",
    hints: ["Q~"],
    pattern: /(?<![\w~.-])[\w~.]{3}\dQ~[\w~.-]{31,34}(?![\w~-])/g,
  },
  {
    id: "digitalocean-token",
    title: "DigitalOcean token in a response",
    ...critical,
    hints: ["_v1_"],
    pattern: /(?<!\w)do[opr]_v1_[0-9a-f]{64}(?!\w)/g,
  },
  {
    id: "shopify-token",
    title: "Shopify access token in a response",
    ...high,
    hints: ["shpat_", "shpca_", "shppa_", "shpss_"],
    pattern: /(?<!\w)shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}(?!\w)/g,
  },
  {
    id: "telegram-bot-token",
    title: "Telegram bot token in a response",
    ...high,
    hints: [":AA"],
    pattern: /(?<![\w:])\d{8,10}:AA[\w-]{33}(?![\w-])/g,
  },
  {
    id: "vault-token",
    title: "HashiCorp Vault token in a response",
    ...critical,
    hints: ["hvs."],
    pattern: /(?<![\w.-])hvs\.[\w-]{90,200}(?![\w-])/g,
  },
  {
    id: "grafana-token",
    title: "Grafana service account token in a response",
    ...high,
    hints: ["glsa_"],
    pattern: /(?<!\w)glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}(?!\w)/g,
  },
  {
    id: "newrelic-key",
    title: "New Relic user key in a response",
    ...high,
    hints: ["NRAK-"],
    pattern: /(?<![\w-])NRAK-[A-Z0-9]{27}(?![\w-])/g,
  },
  {
    id: "database-url",
    title: "Database connection string with a password in a response",
    severity: "high",
    confidence: "medium",
    hints: ["://"],
    pattern:
      /(?<![\w+])(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?):\/\/[^\s:@/"'<>]{0,64}:([^\s@/"'<>]{4,128})@[\w.-]{1,128}/g,
    minEntropy: 2,
    remediation: "Take the connection string out of the response and change the password.",
  },
  {
    id: "generic-secret",
    title: "Hard-coded secret in a response",
    severity: "medium",
    confidence: "low",
    hints: ["ecret", "ECRET"],
    pattern:
      /(?<![A-Za-z])(?:client|app|api|consumer|jwt|signing|webhook)[_-]?secret(?:[_-]?key)?["']?\s{0,4}[:=]\s{0,4}["']([^"'\s\\]{16,128})["']/gi,
    minEntropy: 3.5,
  },
];
