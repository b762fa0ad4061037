// A photo is made smaller before it is saved: drawn anew, so that nothing but the picture is left of it.
"use strict";

const EDGE_PX = 1600;
const QUALITY = 0.82;

arrives(() => {
  for (const sheet of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll("form[data-attach]"))) {
    const input = /** @type {HTMLInputElement} */ (sheet.querySelector("input[type=file]"));
    input.addEventListener("change", async () => {
      const [file] = input.files;
      if (!file) return;
      const said = /** @type {HTMLElement} */ (sheet.querySelector("[data-said]"));
      said.textContent = said.dataset.said;
      const small = file.type.startsWith("image/") ? await shrunk(file).catch(() => null) : null;
      if (small) {
        const files = new DataTransfer();
        files.items.add(new File([small], file.name.replace(/\.\w+$/, "") + ".jpg", { type: "image/jpeg" }));
        input.files = files.files;
      }
      await beforeReload();
      sheet.submit();
    });
  }
});

/** @param {File} file @returns {Promise<Blob|null>} */
async function shrunk(file) {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, EDGE_PX / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => { canvas.toBlob(done, "image/jpeg", QUALITY); });
}
