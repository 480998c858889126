// Repositories, their files, branches, commits and pull requests: https://docs.github.com/rest/repos

import { type Answer, type Call, type Served, notFound, page, refuse } from './call.ts';
import { type Repository, blobSha, filesAt, shaOf } from './state.ts';
import type { FakePull } from './types.ts';

type Files = ReadonlyMap<string, string>;

export const REPOSITORY_ROUTES: Readonly<Record<string, Served>> = {
  'GET /repos/{owner}/{repo}': on(['metadata', 'read'], (_, repository) => ({
    status: 200,
    body: shown(repository),
  })),
  'GET /repos/{owner}/{repo}/contents/{path}': on(['contents', 'read'], contents),
  'GET /repos/{owner}/{repo}/branches/{branch}': on(['contents', 'read'], (call, repository) => {
    const { branch = '' } = call.params;
    if (!repository.refs.has(branch)) return refuse(404, 'Branch not found');
    const sha = shaOf(repository, branch);
    return { status: 200, body: { name: branch, commit: { sha }, protected: false } };
  }),
  'GET /repos/{owner}/{repo}/commits/{ref}': on(['contents', 'read'], (call, repository) => {
    const { ref = '' } = call.params;
    if (filesAt(repository, ref) === undefined)
      return refuse(422, `No commit found for SHA: ${ref}`);
    return { status: 200, body: { sha: shaOf(repository, ref) } };
  }),
  'GET /repos/{owner}/{repo}/git/trees/{tree_sha}': on(['contents', 'read'], tree),
  'GET /repos/{owner}/{repo}/git/blobs/{file_sha}': on(['contents', 'read'], blob),
  'GET /repos/{owner}/{repo}/pulls/{pull_number}': onPull((_, repository, pull) => ({
    status: 200,
    body: shownPull(repository, pull),
  })),
  'GET /repos/{owner}/{repo}/pulls/{pull_number}/files': onPull((call, repository, pull) => {
    const { items, headers } = page(call, changesOf(repository, pull));
    return { status: 200, headers, body: items };
  }),
  'GET /repos/{owner}/{repo}/actions/variables/{name}': on(
    ['actions', 'read'],
    (call, repository) => {
      const { name = '' } = call.params;
      const value = repository.variables[name];
      return value === undefined ? notFound() : { status: 200, body: { name, value } };
    },
  ),
};

function on(
  needs: Served['needs'],
  answer: (call: Call, repository: Repository) => Answer,
): Served {
  return {
    needs,
    answer(call) {
      const repository = call.state.repositories.get(
        `${call.params['owner']}/${call.params['repo']}`,
      );
      return repository === undefined ? notFound() : answer(call, repository);
    },
  };
}

function onPull(answer: (call: Call, repository: Repository, pull: FakePull) => Answer): Served {
  return on(['pull-requests', 'read'], (call, repository) => {
    const number = Number(call.params['pull_number']);
    const pull = repository.pulls.find((one) => one.number === number);
    return pull === undefined ? notFound() : answer(call, repository, pull);
  });
}

function contents(call: Call, repository: Repository): Answer {
  const { path = '' } = call.params;
  const ref = call.query.get('ref');
  const files = filesAt(repository, ref);
  if (files === undefined) return refuse(404, `No commit found for the ref ${ref}`);
  const text = files.get(path);
  if (text === undefined) return listing(files, path);
  const accept = String(call.headers['accept'] ?? '');
  if (/application\/vnd\.github(\.v3)?\.raw/.test(accept))
    return {
      status: 200,
      headers: { 'content-type': 'application/vnd.github.raw; charset=utf-8' },
      body: Buffer.from(text),
    };
  const bytes = Buffer.from(text);
  // Above 1 MB the content is left out, as GitHub does.
  const isLarge = bytes.length > 1024 * 1024;
  const body = {
    ...entry(path, text),
    encoding: isLarge ? 'none' : 'base64',
    content: isLarge ? '' : bytes.toString('base64').replace(/.{60}/g, '$&\n'),
  };
  return { status: 200, body };
}

function listing(files: Files, folder: string): Answer {
  const prefix = `${folder.replace(/\/+$/, '')}/`;
  const inside = [...files].filter(([path]) => path.startsWith(prefix));
  if (inside.length === 0) return notFound();
  const names = new Set(inside.map(([path]) => path.slice(prefix.length).split('/')[0] ?? ''));
  const body = [...names].map((name) => {
    const text = files.get(prefix + name);
    return text === undefined
      ? { ...entry(prefix + name, ''), type: 'dir', size: 0 }
      : entry(prefix + name, text);
  });
  return { status: 200, body };
}

function entry(path: string, text: string): Record<string, unknown> {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const sha = blobSha(text);
  return {
    ...{ type: 'file', name, path, sha, size: Buffer.byteLength(text) },
    ...{ url: 'https://example.com/', git_url: null, html_url: null, download_url: null },
    _links: { self: 'https://example.com/', git: null, html: null },
  };
}

function tree(call: Call, repository: Repository): Answer {
  const { tree_sha: sha = '' } = call.params;
  const files = filesAt(repository, sha);
  if (files === undefined) return notFound();
  const all = [...files].map(([path, text]) => ({
    ...{ path, mode: '100644', type: 'blob', sha: blobSha(text) },
    size: Buffer.byteLength(text),
    url: 'https://example.com/',
  }));
  const isDeep = call.query.has('recursive');
  const tree = all.filter(({ path }) => isDeep || !path.includes('/'));
  return { status: 200, body: { sha: shaOf(repository, sha), truncated: false, tree } };
}

function blob(call: Call, repository: Repository): Answer {
  const { file_sha: sha } = call.params;
  for (const files of repository.refs.values())
    for (const text of files.values())
      if (blobSha(text) === sha)
        return {
          status: 200,
          body: {
            ...{ sha, size: Buffer.byteLength(text), encoding: 'base64' },
            content: Buffer.from(text).toString('base64'),
          },
        };
  return notFound();
}

function shown(repository: Repository): object {
  const [owner, name] = repository.name.split('/');
  return {
    ...{ id: repository.id, name, full_name: repository.name, private: repository.isPrivate },
    owner: { login: owner, id: 1, type: 'Organization' },
    default_branch: repository.defaultBranch,
    visibility: repository.isPrivate ? 'private' : 'public',
  };
}

function shownPull(repository: Repository, pull: FakePull): object {
  const side = (ref: string, name: string): object => ({
    ref,
    sha: shaOf(repository, ref),
    repo: { full_name: name, fork: name !== repository.name },
  });
  return {
    ...{ number: pull.number, state: 'open', title: `Pull request ${pull.number}`, body: '' },
    user: { login: pull.author ?? 'octocat', id: 583231 },
    head: side(pull.head, pull.headRepository ?? repository.name),
    base: side(pull.base, repository.name),
    changed_files: changesOf(repository, pull).length,
  };
}

function changesOf(repository: Repository, pull: FakePull): Record<string, unknown>[] {
  const head: Files = filesAt(repository, pull.head) ?? new Map<string, string>();
  const base: Files = filesAt(repository, pull.base) ?? new Map<string, string>();
  const names = [...new Set([...head.keys(), ...base.keys()])].sort();
  return names.flatMap((filename) => {
    const [now, then] = [head.get(filename), base.get(filename)];
    if (now === then) return [];
    const status = then === undefined ? 'added' : now === undefined ? 'removed' : 'modified';
    return [
      { filename, status, sha: blobSha(now ?? then ?? ''), additions: 1, deletions: 0, changes: 1 },
    ];
  });
}
