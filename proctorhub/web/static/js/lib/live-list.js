// A list that is asked for as a whole and changed by live events. An answer may be older than what was heard
// while it was under way, and it may come after the answer to a later question.

export class LiveList {
  #question;
  #idOf;
  #asked = 0;
  #answered = 0;
  #underWay = 0;
  #news = [];

  /** `question()` → items; `idOf(item)` → what an event calls it. */
  constructor(question, idOf) {
    this.#question = question;
    this.#idOf = idOf;
  }

  /** Something happened to one item: `change(item)` → what it is now; undefined: not in the list. */
  heard(id, change) {
    if (this.#underWay) this.#news.push({ id, change, asked: this.#asked });
  }

  /** The items by their ids, with what was heard since the question; null when a later one was answered first. */
  async ask() {
    const number = (this.#asked += 1);
    this.#underWay += 1;
    try {
      const list = await this.#question();
      return number < this.#answered ? null : this.#current(number, list);
    } catch (error) {
      if (number < this.#answered) return null;
      throw error;
    } finally {
      this.#underWay -= 1;
      if (!this.#underWay) this.#news = [];
    }
  }

  #current(number, list) {
    this.#answered = number;
    const found = new Map(list.map((item) => [this.#idOf(item), item]));
    for (const { id, change, asked } of this.#news) {
      if (asked < number) continue;
      const now = change(found.get(id));
      if (now) found.set(id, now);
      else found.delete(id);
    }
    return found;
  }
}
