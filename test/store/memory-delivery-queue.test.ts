import t from 'tap';
import { MemoryDeliveryQueue } from '../support/memory-delivery-queue.ts';
import { deliveryDigestContract } from './delivery-digest-contract.ts';

// The queue that other tests stand on; what it does besides is proven beside the outbox.
deliveryDigestContract(t, () => {
  const queue = new MemoryDeliveryQueue();
  return { queue, add: queue.add.bind(queue) };
});
