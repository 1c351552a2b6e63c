import type { Clock } from '../../clock.ts';

/** Long work on the serving thread, cut into slices: others have their turn in between. */
export class Slices {
  readonly #afterIo: Clock['afterIo'];
  readonly #unitsMax: number;
  #units = 0;

  /** `unitsMax`: units of work in one slice. */
  constructor(afterIo: Clock['afterIo'], unitsMax: number) {
    this.#afterIo = afterIo;
    this.#unitsMax = unitsMax;
  }

  /** So many units were done: true when it is time to `pause`. */
  isFull(units = 1): boolean {
    this.#units += units;
    return this.#units >= this.#unitsMax;
  }

  async pause(): Promise<void> {
    this.#units = 0;
    await new Promise<void>((resolve) => this.#afterIo(resolve));
  }
}
