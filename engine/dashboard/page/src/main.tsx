// The dashboard's beginning.

import { render } from 'preact';
import { Dashboard } from './dashboard.tsx';

const page = document.querySelector('#page');
if (page !== null) {
  render(<Dashboard />, page);
}
