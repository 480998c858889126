// Everything the operations work on, of one connection.

import type { FoundName } from './node.ts';
import type { AttributeWriter } from './attributes.ts';
import type { Descriptors } from './descriptors.ts';
import type { DiskBudget } from './disk-budget.ts';

import type { Judge } from './judge.ts';
import type { KernelFiles } from './kernel-files.ts';
import type { Listings } from './listing.ts';
import type { NodeTable } from './node-table.ts';
import type { Ownership } from './ownership.ts';
import type { PrivateStore } from './private-store.ts';
import type { StaleListings } from './stale-listing.ts';
import type { Times } from './times.ts';
import type { Verdicts } from './verdict.ts';
import type { Watch } from './watch.ts';

export interface FilesystemState {
  table: NodeTable;
  descriptors: Descriptors;
  judge: Judge;
  verdicts: Verdicts;
  attributes: AttributeWriter;
  ownership: Ownership;
  kernelFiles: KernelFiles;
  listings: Listings;
  privates: PrivateStore;
  budget: DiskBudget;
  times: Times;
  watch: Watch;
  staleListings: StaleListings;
  /** whether the path is inside a share: a place the guest may write, or the host may change meanwhile */
  isShare: (path: string) => boolean;
  /** whether a share lies below the path */
  leadsToShare: (path: string) => boolean;
  /** a name as it is to be shown, when not all that is in the file may be */
  withhold: (state: FilesystemState, found: FoundName) => FoundName;
  /** permission bits the host process's own mask takes from new files */
  mask: number;
}
