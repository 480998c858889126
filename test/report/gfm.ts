// Reads Markdown as GitHub does, and tells what is not code.
import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmFromMarkdown } from 'mdast-util-gfm';
import { gfm } from 'micromark-extension-gfm';

export interface Node {
  type: string;
  value?: string | undefined;
  url?: string | undefined;
  lang?: string | null | undefined;
  children?: Node[] | undefined;
}

export function parseMarkdown(text: string): Node {
  return fromMarkdown(text, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });
}

/** All nodes, parents first. */
export function nodesOf(node: Node): Node[] {
  return [node, ...(node.children ?? []).flatMap(nodesOf)];
}

export function textOf(node: Node): string {
  return nodesOf(node)
    .map(({ value }) => value ?? '')
    .join('');
}
