import { afterEach, expect, test } from 'vitest';

import { createBench } from '../support/runner/bench.ts';
import type { JobRun } from '../support/runner/index.ts';

const bench = createBench();
afterEach(() => bench.clear());

/** A script as the only step, its lines as they are. */
async function script(text: string, more = ''): Promise<JobRun> {
  const lines = text.split('\n').map((line) => `    ${line}`);
  const run = await bench.run(`- id: it\n${more}  run: |\n${lines.join('\n')}`);
  return run.job('one');
}

/** What a person reads of the step's own output. */
function shown(job: JobRun): string[] {
  const lines = job.step('it').log.split('\n');
  return lines.slice(lines.indexOf('##[endgroup]') + 1);
}

test('stopped commands are text, until the token comes', async () => {
  const job = await script(`
echo "::stop-commands::fence-1234567"
echo "::error::one"
echo "##[error]two"
echo "::add-mask::three"
echo "::set-output name=a::b"
echo "::other::"
echo "::fence-1234567::"
echo "::warning::three"`);
  expect(shown(job)).toEqual([
    '::stop-commands::***',
    ...['::error::one', '##[error]two', '::add-mask::three', '::set-output name=a::b', '::other::'],
    '::***::',
    '##[warning]three',
  ]);
  expect(job.annotations).toEqual([{ level: 'warning', message: 'three' }]);
  expect(job.step('it').outputs).toEqual({});
});

test('a token that is none, or a command, fails the step', async () => {
  for (const token of ['', 'error', 'pause-logging']) {
    const job = await script(`echo "::stop-commands::${token}"`);
    expect(job.step('it')).toMatchObject({ outcome: 'failure', exitCode: 0 });
  }
});

test('stopped commands go on in the next step', async () => {
  const run = await bench.run(
    '- run: echo "::stop-commands::abc"\n- {id: it, run: "echo ::notice::x"}',
  );
  expect(run.job('one').annotations).toEqual([{ level: 'notice', message: 'x' }]);
});

test('a mask holds for the whole job, for lines of it and for what is derived as the runner derives it', async () => {
  const run = await bench.run(`
- run: echo "::add-mask::first%0Asecond-line"
- {id: it, run: 'echo "second-line, $(printf second-line | base64)"'}`);
  expect(shown(run.job('one'))).toEqual(['***, ***=']);
});

test('a CR alone begins a new line, and so can hide a command', async () => {
  const job = await script(`printf 'progress 10%%\\r::notice::hidden\\r\\n'`);
  expect(job.annotations).toEqual([{ level: 'notice', message: 'hidden' }]);
});

test('commands in the first form are found anywhere in a line', async () => {
  const job = await script(`echo 'harmless text ##[warning file=a;line=3;]careful'`);
  expect(job.annotations).toEqual([
    { level: 'warning', message: 'careful', path: 'a', startLine: 3, endLine: 3 },
  ]);
});

test('ten annotations of each level are kept, and all are in the log', async () => {
  const job = await script(
    `for i in $(seq 12); do echo "::error::e$i"; echo "::notice::n$i"; done`,
  );
  expect(job.annotations.filter(({ level }) => level === 'failure')).toHaveLength(10);
  expect(job.annotations.filter(({ level }) => level === 'notice')).toHaveLength(10);
  expect(shown(job)).toContain('##[error]e12');
});

test('set-env and add-path are refused, until a step allows them through GITHUB_ENV', async () => {
  const off = await script('echo "::set-env name=A::b"');
  expect(off.step('it').outcome).toBe('failure');
  expect(off.log).toContain('The `set-env` command is disabled');
  const run = await bench.run(`
- run: echo ACTIONS_ALLOW_UNSECURE_COMMANDS=true >> "$GITHUB_ENV"
- run: |
    echo "::set-env name=A::b"
    echo "::set-env name=NODE_OPTIONS::--inspect"
    echo "::add-path::/evil"
- {id: it, run: 'echo "$A [$NODE_OPTIONS] \${PATH%%:*}"'}`);
  expect(shown(run.job('one'))).toEqual(['b [] /evil']);
});

test('a matcher is read from a file and makes annotations of later lines, stopped commands or not', async () => {
  const job = await script(`
echo '{"problemMatcher":[{"owner":"x","pattern":[{"regexp":"^BAD (.*)$","message":1}]}]}' > m.json
echo "::add-matcher::m.json"
echo "::stop-commands::abcdefgh"
echo "BAD thing"
echo "::abcdefgh::"
echo "::remove-matcher owner=x::"
echo "BAD again"`);
  expect(job.annotations).toEqual([{ level: 'failure', message: 'thing' }]);
});

test('a matcher that is none fails the step', async () => {
  const job = await script('echo "::add-matcher::/etc/hostname"');
  expect(job.step('it').outcome).toBe('failure');
});

test('echo shows commands, and debug is not shown without RUNNER_DEBUG', async () => {
  const job = await script(`
echo "::debug::no"
echo "::echo::on"
echo "::set-output name=a::b"
echo "::echo::off"`);
  expect(shown(job).filter((line) => !line.startsWith('##[warning]'))).toEqual([
    '::set-output name=a::b',
    '::echo::off',
  ]);
  expect(job.step('it').outputs).toEqual({ a: 'b' });
});

test('file commands: what they set, and what is refused of them', async () => {
  const run = await bench.run(`
- id: it
  run: |
    echo "NODE_OPTIONS=--inspect" >> "$GITHUB_ENV"
    echo "A=1" >> "$GITHUB_ENV"
    printf 'B<<E\\none\\ntwo\\nE\\n' >> "$GITHUB_OUTPUT"
    printf '/x\\n\\n/y\\n/x\\n' >> "$GITHUB_PATH"
    echo "# Title" >> "$GITHUB_STEP_SUMMARY"
- {id: after, run: 'echo "$A [$NODE_OPTIONS] $(echo $PATH | cut -d: -f1,2)"'}`);
  const job = run.job('one');
  expect(job.step('it')).toMatchObject({
    outcome: 'success',
    outputs: { B: 'one\ntwo' },
    summary: '# Title\n',
  });
  expect(job.annotations).toEqual([
    {
      level: 'failure',
      message: "Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command.",
    },
  ]);
  expect(job.step('after').rawLog).toBe('1 [] /x:/y');
});

test('a file that is not in the form fails the step, and the others are still read', async () => {
  const job = await script('echo bad >> "$GITHUB_ENV"\necho "a=b" >> "$GITHUB_OUTPUT"');
  expect(job.step('it')).toMatchObject({ outcome: 'failure', exitCode: 0, outputs: { a: 'b' } });
  expect(job.log).toContain("Unable to process file command 'env' successfully.");
  expect(job.log).toContain("Invalid format 'bad'");
});

test('a summary above 1 MiB is left out, with an error that fails nothing', async () => {
  const job = await script('head -c 1048577 /dev/zero | tr "\\0" x > "$GITHUB_STEP_SUMMARY"');
  expect(job.step('it')).toMatchObject({ outcome: 'success', summary: '' });
  expect(job.annotations[0]?.message).toContain(
    'supports content up to a size of 1024k, got 1024k',
  );
});
