-- An order has at least one line.
select order_id
from core.orders
where lines = 0
