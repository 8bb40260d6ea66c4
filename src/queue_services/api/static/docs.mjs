// "Try it" on the page of the API: each call's form asks the service that the page is from. The key is
// kept by the browser for this tab alone, until it is closed, and sent with every request.

const KEPT = 'queue-services-key';
const service = new URL('.', location.href);

const keyForm = document.querySelector('#key');
const keyField = keyForm.querySelector('input');
keyField.value = sessionStorage.getItem(KEPT) ?? '';
keyField.addEventListener('input', () => {
  if (keyField.value) sessionStorage.setItem(KEPT, keyField.value);
  else sessionStorage.removeItem(KEPT);
});
keyForm.addEventListener('submit', (event) => event.preventDefault());
keyForm.hidden = false;

/** The URL that a form's fields make of its call's path. */
function target(form) {
  const fields = [...form.querySelectorAll('input')];
  let path = form.dataset.path;
  const query = new URLSearchParams();
  for (const { name, value, dataset } of fields) {
    if (dataset.in === 'path') path = path.replace(`{${name}}`, encodeURIComponent(value));
    else if (dataset.in === 'query' && value) query.set(name, value);
  }
  const url = new URL(path.slice(1), service);
  url.search = query.toString();
  return url;
}

function request(form) {
  const headers = {};
  if (keyField.value) headers.authorization = `Bearer ${keyField.value}`;
  for (const { name, value, dataset } of form.querySelectorAll('input')) {
    if (dataset.in === 'header' && value) headers[name] = value;
  }
  const body = form.querySelector('textarea')?.value;
  if (body) headers['content-type'] = 'application/json';
  return { method: form.dataset.method, headers, body: body || undefined };
}

/** An answer's body, its JSON indented. */
function readable(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function ask(form) {
  const shown = form.querySelector('output');
  shown.textContent = '…';
  try {
    const answer = await fetch(target(form), request(form));
    shown.textContent = `${answer.status} ${answer.statusText}\n${readable(await answer.text())}`;
  } catch (error) {
    shown.textContent = `No answer: ${error.message}`;
  }
}

for (const form of document.querySelectorAll('form.try')) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    ask(form);
  });
  form.hidden = false;
}
