import type { Bench } from './bench-context.ts';
import { alertStorm } from './benches/alert-storm.ts';
import { connectUnary } from './benches/connect-unary.ts';
import { durability } from './benches/durability.ts';
import { grpcUnary } from './benches/grpc-unary.ts';
import { history } from './benches/history.ts';
import { lateness } from './benches/lateness.ts';
import { massOutage } from './benches/mass-outage.ts';
import { millionMonitors } from './benches/million.ts';
import { pingBatch } from './benches/ping-batch.ts';
import { pingGet } from './benches/ping-get.ts';
import { soak } from './benches/soak.ts';
import { wheel } from './benches/wheel.ts';

/** All benchmarks, in the order in which they run and are reported. */
export const benchList: readonly Bench[] = [
  pingGet,
  connectUnary,
  grpcUnary,
  pingBatch,
  wheel,
  millionMonitors,
  lateness,
  massOutage,
  alertStorm,
  history,
  durability,
  soak,
];
