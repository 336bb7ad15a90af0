export{c15_a as a,c15_b as b,c15_c as c,c15_d as d,c15_e as e,c15_f as f,c15_g as g,c15_h as h,c15_i as i,c15_j as j}from"../sign.js";
