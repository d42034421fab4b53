import { message } from './message.mjs';

const show = (text) => {
  document.querySelector('#message').textContent = text;
};
show(message);
// The same until the page is loaded again.
document.querySelector('#loaded').textContent = String(performance.timeOrigin);
import.meta.hot?.accept('./message.mjs', (changed) => show(changed?.message));
