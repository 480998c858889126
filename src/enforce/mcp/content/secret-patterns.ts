// What secrets look like that nobody told us of. Each line names the page on which its form is published; the forms were written down
// from common knowledge of them, and the pages have not been compared with them.
// Invariant: each is linear in the text. A run of unbounded length begins where it could not begin earlier (a literal that the run
// cannot hold, or a look behind), so that no two attempts read the same characters.

export interface SecretPattern {
  /** as in findings */
  detector: string;
  pattern: RegExp;
  /** What it finds is a secret and nothing else. What is not certain is only reported, whatever the policy says. */
  isCertain: boolean;
  source: string;
}

function certain(detector: string, pattern: RegExp, source: string): SecretPattern {
  return { detector, pattern, isCertain: true, source };
}

export const SECRET_PATTERNS: readonly SecretPattern[] = [
  certain(
    'github-token',
    /gh[pousr]_[A-Za-z0-9]{36,251}/g,
    'https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/',
  ),
  certain(
    'github-token',
    /github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}/g,
    'https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github',
  ),
  certain(
    'gitlab-token',
    /gl(?:pat|dt|rt|ptt|ft|soat)-[\w-]{20,64}/g,
    'https://docs.gitlab.com/security/tokens/',
  ),
  certain(
    'aws-access-key',
    /(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Z0-9])/g,
    'https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html',
  ),
  certain(
    'anthropic-key',
    /sk-ant-[a-z0-9]{2,12}-[\w-]{40,200}/g,
    'https://docs.anthropic.com/en/api/overview',
  ),
  certain(
    'openai-key',
    /sk-(?:proj|svcacct|admin)-[\w-]{40,200}/g,
    'https://platform.openai.com/docs/api-reference/authentication',
  ),
  certain(
    'openai-key',
    /sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}/g,
    'https://platform.openai.com/docs/api-reference/authentication',
  ),
  certain(
    'slack-token',
    /xox[abeoprs]-[A-Za-z0-9-]{16,250}/g,
    'https://api.slack.com/authentication/token-types',
  ),
  certain(
    'slack-token',
    /xapp-\d-[A-Z0-9]{8,16}-\d{8,16}-[a-f0-9]{64}/g,
    'https://api.slack.com/authentication/token-types',
  ),
  certain(
    'slack-webhook',
    /hooks\.slack\.com\/services\/T[A-Z0-9]{6,14}\/B[A-Z0-9]{6,14}\/[A-Za-z0-9]{20,28}/g,
    'https://api.slack.com/messaging/webhooks',
  ),
  certain(
    'google-api-key',
    /(?<![\w-])AIza[\w-]{35}(?![\w-])/g,
    'https://cloud.google.com/docs/authentication/api-keys',
  ),
  certain(
    'google-oauth-token',
    /(?<![\w-])ya29\.[\w-]{20,1024}/g,
    'https://developers.google.com/identity/protocols/oauth2',
  ),
  certain(
    'google-oauth-secret',
    /GOCSPX-[\w-]{28}(?![\w-])/g,
    'https://developers.google.com/identity/protocols/oauth2',
  ),
  certain(
    'npm-token',
    /(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])/g,
    'https://github.blog/changelog/2021-09-23-npm-has-a-new-access-token-format/',
  ),
  certain('pypi-token', /pypi-AgEIcHlwaS5vcmc[\w-]{50,400}/g, 'https://pypi.org/help/#apitoken'),
  certain(
    'stripe-key',
    /(?<![A-Za-z0-9])[rs]k_live_[A-Za-z0-9]{20,247}/g,
    'https://docs.stripe.com/keys',
  ),
  certain(
    'hugging-face-token',
    /(?<![A-Za-z0-9])hf_[A-Za-z0-9]{34}(?![A-Za-z0-9])/g,
    'https://huggingface.co/docs/hub/security-tokens',
  ),
  certain(
    'digitalocean-token',
    /do[opr]_v1_[a-f0-9]{64}/g,
    'https://docs.digitalocean.com/reference/api/create-personal-access-token/',
  ),
  certain(
    'sendgrid-key',
    /(?<![\w-])SG\.[\w-]{22}\.[\w-]{43}(?![\w-])/g,
    'https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys',
  ),
  certain(
    'vault-token',
    /(?<![\w.-])hv[sbr]\.[\w-]{24,300}/g,
    'https://developer.hashicorp.com/vault/docs/concepts/tokens',
  ),
  certain(
    'age-key',
    /AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}/g,
    'https://age-encryption.org/v1',
  ),
  certain(
    'private-key',
    /-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----/g,
    'https://www.rfc-editor.org/rfc/rfc7468',
  ),
  certain(
    'jwt',
    /(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}/g,
    'https://www.rfc-editor.org/rfc/rfc7519',
  ),
  certain(
    'url-password',
    /:\/\/[^\s/?#:@"'<>[\]{}$%]{1,64}:(?![xX*]{2,}@|password@|pass@|secret@)[^\s/?#:@"'<>[\]{}$*]{8,128}@[\w.-]{1,253}/g,
    'https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1',
  ),
  {
    detector: 'generic-secret',
    pattern:
      /(?<![A-Za-z0-9])(?:api_?key|apikey|client_?secret|secret_?key|access_?token|auth_?token|password|passwd)["']?[ \t]{0,4}(?::|=|:=|=>)[ \t]{0,4}["'][^\s"'<>${}]{16,128}["']/gi,
    isCertain: false,
    source: 'https://cwe.mitre.org/data/definitions/798.html',
  },
];

/** Published as examples, and used in documents and tests everywhere. */
export const EXAMPLES: readonly RegExp[] = [
  // https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html
  /EXAMPLE$/,
  // One character over and over says nothing.
  /(.)\1{15}/,
];
