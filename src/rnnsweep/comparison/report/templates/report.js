document.querySelectorAll("[data-toggle]").forEach(function (box) {
  box.addEventListener("change", function () {
    var hidden = new Set();
    document.querySelectorAll("[data-toggle]").forEach(function (b) { if (!b.checked) hidden.add(b.dataset.toggle); });
    document.querySelectorAll("[data-a]").forEach(function (mark) {
      mark.classList.toggle("hidden", hidden.has(mark.dataset.a) || hidden.has(mark.dataset.b));
    });
  });
});
