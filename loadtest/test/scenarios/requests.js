// Three requests after each other: the third has no answer, and that is told by its status.
import http from 'k6/http'
import { Counter } from 'k6/metrics'

const answered = new Counter('answered')
const unanswered = new Counter('unanswered')

export const options = {
  thresholds: { answered: ['count==2'], unanswered: ['count==1'], http_reqs: ['count==3'] },
}

export default async function requests() {
  for (const path of ['first', 'second', 'never']) {
    const response = await http.asyncRequest('GET', `${__ENV.URL}/${path}`)
    if (response.status === 200 && response.body === 'yes') answered.add(1)
    if (response.status === 0 && response.error.length > 0) unanswered.add(1)
  }
}
