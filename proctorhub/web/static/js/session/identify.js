// Identification: a still of the document and one of the face beside the profile photograph.

import { post } from "../lib/api.js";
import { open } from "../lib/dialog.js";
import { $, $$, busy, h, setText, show } from "../lib/dom.js";
import { t } from "../lib/t.js";
import { sourceWord } from "../lib/words.js";
import { take } from "../media/stills.js";

export class Identification {
  #stills = { document: null, face: null };
  #own = {};

  constructor({ sessionId, onProblem, onDecided }) {
    this.sessionId = sessionId;
    this.onProblem = onProblem;
    for (const button of $$("[data-take]")) {
      button.addEventListener("click", () => this.take(button.dataset.take));
    }
    $("#compare-open").addEventListener("click", () => this.#compare());
    $("#approve-form").addEventListener("submit", (event) => {
      event.preventDefault();
      busy($("#approve"), async () => {
        try {
          const { document, face } = this.#stills;
          const comment = $("#approve-comment").value.trim();
          onDecided(await post(`/sessions/${sessionId}/approve`, { document_still: document, face_still: face, comment }));
        } catch (error) {
          onProblem(error);
        }
      });
    });
  }

  session({ candidate, state }) {
    show($("#identification"), state === "identifying");
    setText($("#profile-name"), candidate.name);
    const photo = $("#profile-photo");
    if (candidate.photo_url && !photo.getAttribute("src")) photo.src = candidate.photo_url;
    photo.alt = t("Profile photograph of {name}", { name: candidate.name });
    show(photo, Boolean(candidate.photo_url));
    this.active = state === "identifying";
  }

  /** The pictures of the candidate's own check, where the proctor took none: the decision may rest on them. */
  offer({ details }) {
    const sent = { document: details?.document_still, face: details?.selfie_still };
    for (const [purpose, still] of Object.entries(sent)) if (still && !this.#own[purpose]) this.#put(purpose, still);
  }

  async take(purpose) {
    if (!this.active) return;
    await busy($(`[data-take="${purpose}"]`), async () => {
      try {
        const still = await take($("#camera-video"), { sessionId: this.sessionId, source: "camera", purpose });
        this.#own[purpose] = true;
        this.#put(purpose, still.id);
      } catch (error) {
        this.onProblem(error);
      }
    });
  }

  #put(purpose, stillId) {
    this.#stills[purpose] = stillId;
    const image = $(`[data-still="${purpose}"]`);
    image.src = `/api/v1/sessions/${this.sessionId}/stills/${stillId}`;
    image.alt = purpose === "document" ? t("Still of the document") : t("Still of the face");
    show(image);
    const button = $(`[data-take="${purpose}"]`);
    setText(button.lastChild, t("Take again"));
    $("#approve").disabled = !(this.#stills.document && this.#stills.face);
  }

  /** A `still.taken` entry: fills the panel again after a reload, and the list of stills. */
  entry({ data, at }) {
    if (data.purpose in this.#stills) {
      this.#own[data.purpose] = true;
      this.#put(data.purpose, data.still_id);
    }
    const url = `/api/v1/sessions/${this.sessionId}/stills/${data.still_id}`;
    const words = { document: t("Document"), face: t("Face") };
    const text = words[data.purpose] ?? sourceWord(data.source);
    show($("#stills-empty"), false);
    $("#stills").prepend(
      h("li", {}, h("a", { href: url, target: "_blank", rel: "noopener" }, h("img", { src: url, alt: "", loading: "lazy" }), h("span", {}, `${text}, ${new Date(data.frame_at ?? at).toLocaleTimeString(document.documentElement.lang)}`))),
    );
  }

  #compare() {
    const images = [...$$("[data-still]"), $("#profile-photo")].filter((image) => !image.hidden);
    $("#compare").replaceChildren(...images.map((image) => h("img", { src: image.src, alt: image.alt })));
    open($("#compare-dialog"));
  }
}
