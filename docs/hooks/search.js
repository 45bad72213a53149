"use strict";
// Searches in the page itself: MkDocs' own search fetches its index, which a browser refuses to a page opened from disk.
(() => {
  const box = document.getElementById("mkdocs-search-query");
  const place = document.getElementById("mkdocs-search-results");
  if (!box || !place) return;

  const element = (tag, text, more = {}) => Object.assign(document.createElement(tag), { textContent: text }, more);
  const loaded = (name) => new Promise((done, failed) => {
    document.head.append(element("script", "", { src: base_url + "/search/" + name, onload: done, onerror: failed }));
  });
  const article = (found) => {
    const whole = element("article", "");
    const title = element("h3", "");
    title.append(element("a", found.title, { href: base_url + "/" + found.location }));
    whole.append(title, element("p", found.text.slice(0, 200)));
    return whole;
  };

  Promise.all([loaded("lunr.js"), loaded("index.js")]).then(() => {
    const pages = new Map(window.searched.docs.map((one) => [one.location, one]));
    const index = lunr(function () {
      this.ref("location");
      this.field("title", { boost: 5 });
      this.field("text");
      pages.forEach((one) => this.add(one));
    });
    const search = () => {
      const words = box.value.replace(/[^\p{L}\p{N}_]+/gu, " ").trim(); // lunr reads signs as operators
      const found = words ? index.search(words).map((one) => article(pages.get(one.ref))) : [];
      place.replaceChildren(...(found.length || !words ? found : [element("p", place.dataset.noResultsText)]));
    };
    box.addEventListener("input", search);
    box.value = new URLSearchParams(location.search).get("q") || "";
    search();
  });
})();
