/* Photos: where there is a camera, its picture is made small here and handed to the terminal, which keeps it at once. */
"use strict";

(() => {
  const MOST_BYTES = 200 * 1024;
  const SIDES = [1280, 960, 640];
  const QUALITIES = [0.8, 0.6, 0.4];
  /* Browsers of tablets have a camera screen of their own behind a field of this kind; others would open a list of files. */
  const OWN_CAMERA = "capture" in HTMLInputElement.prototype;

  async function hasCamera() {
    try {
      return (await navigator.mediaDevices.enumerateDevices()).some((device) => device.kind === "videoinput");
    } catch {
      return false;
    }
  }

  async function offer() {
    const buttons = document.querySelectorAll("[data-take][hidden]");
    if (buttons.length && await hasCamera()) for (const button of buttons) button.hidden = false;
  }

  function say(section, words) {
    const said = section.querySelector("[data-photo-said]");
    said.textContent = words;
    said.hidden = false;
  }

  async function shrink(source, width, height) {
    const canvas = document.createElement("canvas");
    for (const side of SIDES) {
      const scale = Math.min(1, side / Math.max(width, height));
      canvas.width = Math.max(1, Math.round(width * scale));
      canvas.height = Math.max(1, Math.round(height * scale));
      canvas.getContext("2d").drawImage(source, 0, 0, canvas.width, canvas.height);
      for (const quality of QUALITIES) {
        const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));
        if (blob && blob.size <= MOST_BYTES) return blob;
      }
    }
    throw new Error("no size fits");
  }

  async function keep(section, blob) {
    const answer = await fetch(`/photos?place=${encodeURIComponent(section.dataset.photos)}`, {
      method: "POST", body: blob, headers: { "Content-Type": "application/octet-stream", "HX-Request": "true" },
    });
    const elsewhere = answer.headers.get("HX-Redirect");
    if (elsewhere) return location.assign(elsewhere);
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("photos");
    section.replaceWith(parsed);
    htmx.process(parsed);
    offer();
  }

  async function fromFile(section, file) {
    try {
      const picture = await createImageBitmap(file);
      await keep(section, await shrink(picture, picture.width, picture.height));
    } catch {
      say(section, section.dataset.broken);
    }
  }

  function stop(section) {
    const video = section.querySelector("video");
    for (const track of video.srcObject ? video.srcObject.getTracks() : []) track.stop();
    video.srcObject = null;
    section.querySelector("[data-shoot]").disabled = true;
    section.querySelector("dialog").close();
  }

  async function open(section) {
    const video = section.querySelector("video");
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: "environment", width: { ideal: SIDES[0] } },
      });
      section.querySelector("dialog").showModal();
      await video.play();
      section.querySelector("[data-shoot]").disabled = false;
    } catch {
      stop(section);
      say(section, section.dataset.broken);
    }
  }

  async function shoot(section) {
    const video = section.querySelector("video");
    try {
      const blob = await shrink(video, video.videoWidth, video.videoHeight);
      stop(section);
      await keep(section, blob);
    } catch {
      stop(section);
      say(section, section.dataset.broken);
    }
  }

  document.addEventListener("click", (event) => {
    const section = event.target.closest("[data-photos]");
    if (!section) return;
    if (event.target.closest("[data-shoot]")) return shoot(section);
    if (event.target.closest("[data-close-camera]")) return stop(section);
    if (!event.target.closest("[data-take]")) return;
    if (!OWN_CAMERA) return open(section);
    const field = document.createElement("input");
    field.type = "file";
    field.accept = "image/*";
    field.capture = "environment";
    field.addEventListener("change", () => { if (field.files[0]) fromFile(section, field.files[0]); });
    field.click();
  });
  document.addEventListener("DOMContentLoaded", offer);
  document.addEventListener("htmx:load", offer);
})();
