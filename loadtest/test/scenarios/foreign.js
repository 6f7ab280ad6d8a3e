// @ts-expect-error -- the module is not there
import sql from 'k6/x/sql'

export default function never() {
  sql.open()
}
