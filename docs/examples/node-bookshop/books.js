'use strict';
const { serve } = require('./listen');

const BOOKS = { 1: { id: 1, title: 'Release It!' }, 2: { id: 2, title: 'Chaos Engineering' } };

serve(async (url) => {
  const book = BOOKS[url.pathname.split('/')[2]];
  return book ? [200, book] : [404, { detail: 'no such book' }];
});
