// Brings a session up: log, filesystem server, egress, machine, guest; in that order, so that nothing in the guest runs
// before everything it could ask is there to judge and record it. Any failure takes down what was started.

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createEgress } from '../enforce/egress/egress.ts';
import { createPoint } from '../enforce/point.ts';
import { startFilesystem } from '../enforce/filesystem/server.ts';
import { chooseAccelerator, startMachine, type Machine } from '../engine/engine.ts';
import { connectGuest } from '../guest/link.ts';
import { openLog } from '../log/writer.ts';
import type { SessionContext } from '../model/event.ts';
import { createDecider } from '../policy/decide.ts';
import { CONTROL_SOCKET, serveControl } from './control.ts';
import { createRuntimeDirectory, createSessionDirectory, createSessionId } from './directory.ts';
import { guestEnvironment } from './environment.ts';
import { guestUser } from './guest-user.ts';
import { LiveSession } from './live-session.ts';
import type { SessionPlan } from './plan.ts';
import type { Session } from './session.ts';
import { sharesOf } from './shares.ts';
import { listenOnce } from './sockets.ts';
import { processStart, writeState } from './state.ts';
