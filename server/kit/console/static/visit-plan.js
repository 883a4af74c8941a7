/* Stops of a visit plan are dragged from list to list; the arrows and the form beside them do the same by the keyboard. */
const form = document.getElementById("move");
let dragged = null;

const stopOf = (event) => event.target.closest?.("[data-stop]");
const listOf = (event) => event.target.closest?.("[data-list]:not([data-list=''])");

document.addEventListener("dragstart", (event) => {
  dragged = stopOf(event);
  event.dataTransfer?.setData("text/plain", dragged?.dataset.stop ?? "");
  dragged?.classList.add("dragged");
});
document.addEventListener("dragend", () => { dragged?.classList.remove("dragged"); dragged = null; });
document.addEventListener("dragover", (event) => { if (dragged && listOf(event)) event.preventDefault(); });
document.addEventListener("drop", (event) => {
  const list = listOf(event);
  if (!dragged || !list || !form) return;
  event.preventDefault();
  const others = [...list.querySelectorAll("[data-stop]")].filter((stop) => stop !== dragged);
  const before = others.findIndex((stop) => {
    const { top, height } = stop.getBoundingClientRect();
    return event.clientY < top + height / 2;
  });
  form.elements.retailer.value = dragged.dataset.stop;
  form.elements.manager.value = list.dataset.list;
  form.elements.place.value = before < 0 ? others.length + 1 : before + 1;
  form.requestSubmit();
});
