// Which page uses something that all pages of this browser share: told by Web Locks, which go with the page.

/** Claim it, beside others who do. Resolves with what gives it back; waits while `unclaimed` work goes on. */
export function claim(name) {
  return new Promise((claimed, refused) => {
    const work = () =>
      new Promise((release) =>
        claimed(() => {
          release();
          return held;
        }),
      );
    const held = navigator.locks.request(name, { mode: "shared" }, work);
    held.catch(refused);
  });
}

/** Do this if nobody claims it; who wants to waits until it is done. */
export const unclaimed = (name, work) => navigator.locks.request(name, { ifAvailable: true }, (lock) => lock && work());
