'use strict';
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const nav = document.getElementById('contents'), menu = document.getElementById('menu');
  const search = document.getElementById('search'), found = document.getElementById('found'), nothing = document.getElementById('nothing');
  document.documentElement.classList.add('js');

  // The contents on a narrow screen.
  const show = (open) => {
    nav.classList.toggle('shown', open);
    menu.setAttribute('aria-expanded', open);
  };
  menu.addEventListener('click', () => show(!nav.classList.contains('shown')));
  nav.addEventListener('click', (e) => e.target.closest('a') && show(false));

  // Search: what does not hold every word is hidden, here and in the contents.
  const items = all('.item').map((element) => ({
    element, text: '', link: all('a', nav).find((a) => a.hash === '#' + element.id),
    title: (element.id + ' ' + (element.querySelector('h1,h2,h3')?.textContent ?? '')).toLowerCase(),
  }));
  const sought = () => search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const filter = () => {
    const words = sought();
    let count = 0;
    for (const item of items) {
      item.text ||= (item.element.id + ' ' + item.element.textContent).toLowerCase();
      const hit = words.every((word) => item.text.includes(word));
      item.element.hidden = !hit;
      if (item.link) item.link.parentElement.hidden = !hit;
      count += hit;
    }
    for (const group of all('.group')) group.hidden = !group.querySelector('.item:not([hidden])');
    for (const list of all('ul', nav)) list.previousElementSibling.hidden = !list.querySelector('li:not([hidden])');
    found.hidden = !words.length;
    found.textContent = count === 1 ? '1 match' : count + ' matches';
    nothing.hidden = count > 0;
  };
  search.addEventListener('input', () => { filter(); scrollTo({top: 0, behavior: 'instant'}); });
  search.addEventListener('keydown', (e) => {
    if (e.key === 'Escape') { search.value = ''; filter(); search.blur(); }
    if (e.key === 'Enter') {
      // The first one whose title says it goes before one that only mentions it.
      const shown = items.filter((item) => !item.element.hidden), words = sought();
      const first = shown.find((item) => words.every((word) => item.title.includes(word))) ?? shown[0];
      if (first) { search.blur(); location.hash = first.element.id; }
    }
  });
  document.addEventListener('keydown', (e) => {
    if (e.key === '/' && !e.ctrlKey && !e.metaKey && !e.altKey && e.target !== search) { e.preventDefault(); search.focus(); }
  });
  // A link leads to what is shown, so it ends a search that hides its target.
  addEventListener('hashchange', () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.closest('[hidden]')) { search.value = ''; filter(); target.scrollIntoView(); }
  });

  // Copying works where the browser allows it: over https, and on localhost.
  if (navigator.clipboard) for (const button of all('.copy')) {
    button.hidden = false;
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(button.closest('.panel').querySelector('pre').textContent);
      button.textContent = 'Copied';
      setTimeout(() => { button.textContent = 'Copy'; }, 1500);
    });
  }

  // The contents show what is being read.
  let here;
  const mark = (item) => {
    if (!item.link || item.link === here) return;
    if (here) here.classList.remove('here');
    here = item.link;
    here.classList.add('here');
    const {top, bottom} = here.getBoundingClientRect(), box = nav.getBoundingClientRect();
    if (top < box.top || bottom > box.bottom) nav.scrollTop += top - box.top - box.height / 2;
  };
  const observer = new IntersectionObserver((entries) => {
    for (const e of entries) if (e.isIntersecting) mark(items.find((item) => item.element === e.target));
  }, {rootMargin: '-20% 0px -75% 0px'});
  for (const item of items) observer.observe(item.element);
})();
