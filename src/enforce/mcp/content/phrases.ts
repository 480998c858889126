// What instructions to a model look like that a tool has no business giving, as words; matched folded, so spelling, spacing,
// invisible characters and look-alikes make no difference. Collected from published attacks: tool poisoning (Invariant Labs,
// 2025-04-01), OWASP LLM01:2025, the `injection` corpora of garak 0.13 and promptfoo, read 2026-11-20.

/** Each list is one place in the phrase; the phrase is every way through. */
const FORMS: readonly (readonly string[])[][] = [
  [
    ['ignore', 'disregard', 'forget', 'override', 'do not follow', 'stop following'],
    ['', 'all', 'any', 'the', 'your', 'all the', 'all your', 'all of the', 'any of the', 'my'],
    ['previous', 'prior', 'above', 'earlier', 'preceding', 'existing', 'original', 'system'],
    [
      'instruction',
      'prompt',
      'rules',
      'guideline',
      'direction',
      'directive',
      'commands',
      'messages',
    ],
  ],
  [
    ['do not', 'dont', 'never', 'must not', 'without'],
    [
      'tell',
      'telling',
      'inform',
      'informing',
      'notify',
      'notifying',
      'alert',
      'alerting',
      'warn',
      'mention this to',
      'mention it to',
      'mentioning this to',
      'reveal this to',
      'disclose this to',
      'explain this to',
    ],
    ['the user', 'user', 'the human', 'your user', 'anyone'],
  ],
  [
    [
      'hide this',
      'hide it',
      'keep this secret',
      'keep this hidden',
      'conceal this',
      'keep it secret',
    ],
    ['from'],
    ['the user', 'user', 'the human', 'anyone'],
  ],
  [
    [
      'without the users knowledge',
      'the user must not know',
      'the user should not know',
      'the user does not need to know',
      'do not let the user know',
      'new system instructions',
      'new system prompt',
      'system prompt override',
      'end of system prompt',
      'you are now in developer mode',
      'developer mode enabled',
      'print your system prompt',
      'reveal your system prompt',
      'repeat your system prompt',
      'exfiltrate the',
    ],
  ],
];

/** Too short to mean anything in a result; in a definition nothing has to be ignored. */
const SHORT: readonly string[] = [
  'ignore previous',
  'ignore all previous',
  'ignore prior',
  'disregard previous',
  'disregard prior',
  'forget previous',
];

function waysThrough(places: readonly (readonly string[])[]): string[] {
  return places.reduce<string[]>(
    (begun, choices) => begun.flatMap((begin) => choices.map((choice) => `${begin} ${choice}`)),
    [''],
  );
}

export const PHRASES: readonly string[] = FORMS.flatMap(waysThrough);
export const DEFINITION_PHRASES: readonly string[] = [...PHRASES, ...SHORT];

/** Markup that sets a text apart as if the system or its author spoke. */
export const AUTHORITY_TAGS =
  /<\/?[ \t]{0,4}(?:important|system|system-reminder|secret|hidden|instructions?|admin|assistant|critical)\b[^<>]{0,80}>|<\|im_(?:start|end)\|>|<<\/?SYS>>|\[\/?INST\]/i;
