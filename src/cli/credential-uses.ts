// What became of the credentials of a session, in lines for its end. One that was not used asks for less policy.

import type { Use } from '../enforce/credential/broker.ts';

export function renderUses(uses: readonly Use[]): string[] {
  const groups: [string, string[]][] = [
    [
      'minted and used',
      uses
        .filter(({ used }) => used > 0)
        .map(({ id, used }) => `${id} (${used} ${used === 1 ? 'request' : 'requests'})`),
    ],
    [
      'not to be had',
      uses.flatMap(({ id, failed, used }) =>
        failed !== undefined && used === 0 ? `${id} (${failed})` : [],
      ),
    ],
    [
      'granted and not used; the policy could do without',
      uses.flatMap(({ id, failed, used }) => (failed === undefined && used === 0 ? id : [])),
    ],
  ];
  return groups.flatMap(([title, names]) =>
    names.length === 0 ? [] : `credentials ${title}: ${names.join(', ')}`,
  );
}
