// What a page behind a mailed link does with the fragment of its address, and small comforts. Everything works without
// this file; nothing here sends, stores or spends anything: only the person's own click on a button does.
'use strict';
(() => {
  const root = document.documentElement;

  // `a=1&b=2` after the `#`. Not URLSearchParams, which would make a space of the plus in an address.
  const readFragment = () => {
    const parts = new Map();
    for (const pair of location.hash.slice(1).split('&')) {
      const at = pair.indexOf('=');
      if (at < 1) continue;
      try {
        parts.set(pair.slice(0, at), decodeURIComponent(pair.slice(at + 1)));
      } catch {
        // A broken escape: what a mail program cut is asked for on the page.
      }
    }
    return parts;
  };

  // The secret leaves address bar, history and whatever reads them.
  const cleanAddress = () => history.replaceState(null, '', location.pathname + location.search);

  // A link of "this was not me" has a page of its own.
  const moveOn = (parts) => {
    if (!parts.has('n') || !root.dataset.notMe) return false;
    location.replace(root.dataset.notMe + '#n=' + encodeURIComponent(parts.get('n')));
    return true;
  };

  const setShown = (element, shown) => {
    element.hidden = !shown;
    for (const input of element.querySelectorAll('input')) input.disabled = !shown;
  };

  // Puts the secret into its hidden field, and takes away what would have to be typed.
  const takeFragment = () => {
    if (location.hash.length < 2) return;
    const parts = readFragment();
    if (moveOn(parts)) return;
    cleanAddress();
    const secret = document.querySelector('input[type="hidden"][data-take]');
    if (!secret || !parts.get(secret.dataset.take)) return;
    secret.value = parts.get(secret.dataset.take);
    for (const element of document.querySelectorAll('[data-when="typed"]')) setShown(element, false);
    for (const element of document.querySelectorAll('[data-when="link"]')) setShown(element, true);
    const email = document.querySelector('input[data-take="e"]');
    if (!email) return;
    // Where the link is enough the address need not be typed, but a password manager looks for it (P-14).
    if (email.disabled) {
      email.disabled = false;
      email.required = false;
      email.type = 'text';
    }
    if (parts.get('e')) {
      email.value = parts.get('e');
      email.readOnly = true;
    }
  };

  // "Show" instead of typing twice.
  const offerShow = (button) => {
    const input = document.getElementById(button.dataset.show);
    const twin = document.getElementById(button.dataset.hides);
    const show = (shown) => {
      input.type = shown ? 'text' : 'password';
      button.textContent = shown ? button.dataset.on : button.dataset.off;
      setShown(twin, !shown);
    };
    button.hidden = false;
    button.addEventListener('click', () => show(input.type === 'password'));
    // Sent as a password, so that the browser does not keep it among the texts it completes.
    input.form.addEventListener('submit', () => { input.type = 'password'; });
  };

  // Rules of a new password that a script can see kept are ticked off while somebody types; the server decides in the end.
  const tickRules = (list) => {
    const input = document.getElementById(list.dataset.rules);
    const isSymbol = (set) => (c) => set.includes(c);
    const kinds = {
      amount_uppercase: () => (c) => /\p{Uppercase}/u.test(c),
      amount_lowercase: () => (c) => /\p{Lowercase}/u.test(c),
      amount_digits: () => (c) => /\p{Nd}/u.test(c),
      amount_symbols: (rule) => isSymbol([...rule.dataset.charset]),
    };
    const isKept = (rule, characters) => {
      const amount = Number(rule.dataset.amount);
      if (rule.dataset.rule === 'length_min') return characters.length >= amount;
      if (rule.dataset.rule === 'length_max') return characters.length > 0 && characters.length <= amount;
      const kind = kinds[rule.dataset.rule];
      return kind !== undefined && characters.filter(kind(rule)).length >= amount;
    };
    const rules = [...list.querySelectorAll('[data-rule]')].map((item) => {
      const said = document.createElement('span');
      said.className = 'unseen';
      item.append(' ', said);
      return { item, said };
    });
    const tick = () => {
      const characters = [...input.value.normalize('NFC')];
      for (const { item, said } of rules) {
        const kept = isKept(item, characters);
        item.classList.toggle('kept', kept);
        said.textContent = kept ? list.dataset.met : '';
      }
    };
    list.classList.add('live');
    input.addEventListener('input', tick);
    tick();
  };

  // Moments in the reader's own time zone.
  const tellTime = (time) => {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) return;
    time.title = time.textContent;
    time.textContent = at.toLocaleString(root.lang, { dateStyle: 'medium', timeStyle: 'short' });
  };

  // Another language must not lose the secret: it goes along as a fragment, which no server sees.
  const keepSecret = (event) => {
    const secret = document.querySelector('input[type="hidden"][data-take]');
    if (!secret || !secret.value) return;
    event.preventDefault();
    const email = document.querySelector('input[data-take="e"]:not(:disabled)');
    const rest = email && email.value ? '&e=' + encodeURIComponent(email.value) : '';
    location.replace(event.currentTarget.href + '#' + secret.dataset.take + '=' + encodeURIComponent(secret.value) + rest);
  };

  // Events as they happen, newest first; so many are kept. What they say is text, never markup.
  const LIVE_MAX = 200;
  const followEvents = (list) => {
    const state = document.querySelector('[data-live-state]');
    const source = new EventSource(list.dataset.live);
    const add = (message) => {
      const event = JSON.parse(message.data);
      const [item, what, when, link, time] = ['li', 'p', 'p', 'a', 'time'].map((name) => document.createElement(name));
      what.className = 'what';
      what.textContent = event.text;
      when.className = 'help';
      link.href = list.dataset.events + event.position;
      time.dateTime = event.time;
      time.textContent = event.time;
      tellTime(time);
      link.append(time);
      when.append(link, ' · ' + event.type);
      const both = document.createElement('div');
      both.append(what, when);
      item.append(both);
      list.prepend(item);
      while (list.children.length > LIVE_MAX) list.lastElementChild.remove();
    };
    source.onopen = () => { state.textContent = state.dataset.open; };
    source.onerror = () => { state.textContent = state.dataset.lost; };
    source.onmessage = add;
  };

  // What matters only while a box is not ticked: a mail server of a stage's own.
  const hideWhile = (part) => {
    const box = document.getElementById(part.dataset.unless);
    const follow = () => { part.hidden = box.checked; };
    box.addEventListener('change', follow);
    follow();
  };

  const setBusy = (busy) => {
    for (const button of document.querySelectorAll('button[type="submit"]')) button.disabled = busy;
  };

  if (moveOn(readFragment())) return;
  document.addEventListener('DOMContentLoaded', () => {
    takeFragment();
    for (const button of document.querySelectorAll('[data-show]')) offerShow(button);
    for (const list of document.querySelectorAll('[data-rules]')) tickRules(list);
    for (const part of document.querySelectorAll('[data-unless]')) hideWhile(part);
    for (const time of document.querySelectorAll('time[datetime]')) tellTime(time);
    for (const list of document.querySelectorAll('[data-live]')) followEvents(list);
    for (const link of document.querySelectorAll('[data-language]')) link.addEventListener('click', keepSecret);
    // One click, one request; and a page that comes back from the history can be used again.
    for (const form of document.forms) form.addEventListener('submit', () => setTimeout(setBusy, 0, true));
    addEventListener('pageshow', () => setBusy(false));
    addEventListener('hashchange', takeFragment);
  });
})();
