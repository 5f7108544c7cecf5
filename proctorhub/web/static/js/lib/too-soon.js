// A press that was on its way when something else came under it was not meant for that: nobody has read it so soon.

const READ_MS = 400;

/** Whether somebody pressed so soon after `since` (of `performance.now()`) that they meant what was there before. */
export const tooSoon = (event, since) => event.timeStamp - since < READ_MS;
